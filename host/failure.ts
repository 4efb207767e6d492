import { displayPath } from "./project";

/** How a stage or a command ends; each class has its exit code. */
export const EXIT = { done: 0, failed: 1, wrongSettings: 2, lacking: 3 } as const;

export interface FailureDetails {
  /** Files in the stage's work folder that explain the failure; they are kept and named in the message. */
  readonly evidence?: readonly string[];
  /** What the user can do next. */
  readonly hint?: string;
  /** Exit code; `EXIT.failed` unless the machine lacks something. */
  readonly exitCode?: number;
}

/** A failure that the user should read as a message, not as a stack trace. */
export class StageFailure extends Error {
  constructor(
    message: string,
    readonly details: FailureDetails = {},
  ) {
    super(message);
  }
}

/** Whether an error of the file system says that its disk, or this user's share of it, is full. */
export const isDiskFull = ({ code }: NodeJS.ErrnoException): boolean =>
  code === "ENOSPC" || code === "EDQUOT";

/** Whether a program's message says that its disk is full, in the words of the C library in English. */
export const saysDiskIsFull = (words: string) =>
  /No space left on device|Disk quota exceeded/.test(words);

/** What to do, and the exit code, where the store's disk is full. */
export const FULL_DISK: FailureDetails = {
  hint: "free space on that disk (./kragle gc), or move the store with KRAGLE_HOME",
  exitCode: EXIT.lacking,
};

/** `FULL_DISK` where a program's last lines say that its disk is full; nothing otherwise. */
export const ifDiskIsFull = (tail: readonly string[]): FailureDetails =>
  saysDiskIsFull(tail.join("\n")) ? FULL_DISK : {};

/** An error of Docker's connection or of the file system as words for the user; undefined for any other error. */
export function explainSystemError(error: Error): StageFailure | undefined {
  const {
    code = "",
    address,
    path,
    syscall,
  } = error as NodeJS.ErrnoException & {
    address?: string;
  };
  const lacking = (text: string, hint: string) =>
    new StageFailure(text, { hint, exitCode: EXIT.lacking });
  if (address && ["ENOENT", "ECONNREFUSED", "EACCES"].includes(code)) {
    const why = code === "EACCES" ? "you may not use it" : "no daemon answers there";
    return lacking(
      `Docker cannot be reached at ${address}: ${why}`,
      "run ./kragle setup, or ./kragle doctor to see what is missing",
    );
  }
  if (["ECONNRESET", "EPIPE"].includes(code) && (!syscall || ["read", "write"].includes(syscall))) {
    return lacking(
      "the Docker daemon went away in the middle",
      "see that it runs (./kragle doctor), then run the same command again; finished stages are kept",
    );
  }
  const where = path ? `${displayPath(path)}: ` : "";
  if (isDiskFull(error)) {
    return new StageFailure(`${where}the disk is full`, FULL_DISK);
  }
  if (code === "EXDEV") {
    return lacking(
      `${where}it lies on another disk than the rest of the store, and results are published by a rename`,
      "put the whole of .kragle, or of KRAGLE_HOME, on one disk",
    );
  }
  if (["EROFS", "EACCES", "EPERM"].includes(code) && syscall) {
    const why = code === "EROFS" ? "the file system is read-only" : "you may not change it";
    return lacking(`${where}${why}`, "see to its rights, or move the store with KRAGLE_HOME");
  }
  return undefined;
}
