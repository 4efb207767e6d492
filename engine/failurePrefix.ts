/** Marks the lines of a stage's error message on its stderr, so that they are told from its progress. */
export const FAILURE_PREFIX = "✗ ";
