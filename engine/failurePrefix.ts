/** Begins each line of a stage's error message on stderr; lines without it are progress. */
export const FAILURE_PREFIX = "✗ ";
