/**
 * For a suite whose tests go on where the one before ended: after a failure its other tests are skipped. mocha's own `bail` would
 * also skip them for a failure in any other file, without a word.
 */
export function inSequence(): void {
  let failed: string | undefined;
  beforeEach(function () {
    if (failed === undefined) return;
    console.log(`      skipped, because this failed: ${failed}`);
    this.skip();
  });
  afterEach(function () {
    if (this.currentTest?.state === "failed") failed ??= this.currentTest.title;
  });
}
