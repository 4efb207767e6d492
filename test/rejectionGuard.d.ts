declare namespace Mocha {
  interface Runnable {
    /** See rejectionGuard.cjs. */
    expectRejections?: boolean;
  }
}
