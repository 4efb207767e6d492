import { readFileSync } from "node:fs";

import type { Clone } from "../clone";

/** What may differ between two builds that run the same steps. */
const OF_THE_RUN = /\t\/(etc\/(shadow|passwd)-?|var\/lib\/dpkg\/status.*)$/;

/**
 * The lines of a list that check has made of a stack's image, but for what may differ in another build of the same steps.
 *
 * @param name as `files.tsv`
 */
export const imageList = (clone: Clone, stack: string, name: string): string[] =>
  readFileSync(clone.path(`build/${stack}/output/evidence/check/${name}`), "utf8")
    .split("\n")
    .filter((line) => !OF_THE_RUN.test(line));
