const { reporters } = require("mocha");

// The familiar list of tests, each failure with its message at once, and at the end one line that counts them, for people and for scripts.
module.exports = class extends reporters.Spec {
  constructor(runner, options) {
    super(runner, options);
    runner.on("fail", (test, { message = "" }) => {
      console.log(message.slice(0, 2000).replace(/^/gm, "      "));
    });
  }

  epilogue() {
    super.epilogue();
    const { passes, failures, pending } = this.stats;
    console.log(`${passes} passed, ${failures} failed, ${pending} skipped`);
  }
};
