// mocha ignores rejections that nobody awaits, so a test whose Pulumi resource failed would pass.
// A test that expects such failures says so by `this.test.expectRejections = true`.
const seen = [];

exports.mochaHooks = {
  beforeAll() {
    process.on("unhandledRejection", (error) => seen.push(error));
  },
  afterEach() {
    const errors = seen.splice(0);
    if (errors.length > 0 && !this.currentTest.expectRejections) throw errors[0];
  },
};
