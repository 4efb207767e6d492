const { reporters } = require("mocha");

// The familiar list of tests, and at the end one line that counts them, for people and for scripts.
module.exports = class extends reporters.Spec {
  epilogue() {
    super.epilogue();
    const { passes, failures, pending } = this.stats;
    console.log(`${passes} passed, ${failures} failed, ${pending} skipped`);
  }
};
