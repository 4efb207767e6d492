/** A path that generalisation took away from the image. */
export interface RemovedPath {
  /** What was done: deleted, emptied, or edited (some lines were taken out). */
  readonly done: string;
  /** Of an identity, a trace, or the installation's. */
  readonly why: string;
  readonly path: string;
  /** The provisioning script in whose time it had changed last; empty where it was none's. */
  readonly script: string;
}

/** Reads the image stage's list, a path a line. Its text comes from the guest. */
export const parseRemoved = (text: string): RemovedPath[] =>
  text
    .split("\n")
    .filter(Boolean)
    .map((line) => {
      const [done = "", why = "", path = "", script = ""] = line.split("\t");
      return { done, why, path, script };
    });
