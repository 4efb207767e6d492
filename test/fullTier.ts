/** Whether everything is run (`npm run test:full`, the fault matrix): also what takes minutes, or shows little more than a test beside it. */
export const isFullTier = Boolean(process.env.KRAGLE_TEST_FULL);

/** Suites and tests that only the full tier runs; the others say that they were skipped. */
export const describeInFullTier = isFullTier ? describe : describe.skip;
export const itInFullTier = isFullTier ? it : it.skip;
