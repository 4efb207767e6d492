import { asCalledHere, displayPath, homePath } from "./project";

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

  /** The message, and what to do next on a line of its own. */
  get text(): string {
    const { hint } = this.details;
    return asCalledHere(hint ? `${this.message}\n  next: ${hint}` : this.message);
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

/** What the user should read: a failure itself, an error of Docker's connection or of the file system in words; undefined for any other error. */
export function asFailure(error: Error): StageFailure | undefined {
  if (error instanceof StageFailure) return error;
  const {
    code = "",
    address,
    path,
    dest,
    syscall,
  } = error as NodeJS.ErrnoException & { address?: string; dest?: string };
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
  // of a rename: what stands in the way is where it leads
  const at = code === "EISDIR" ? (dest ?? path) : path;
  const where = at ? `${displayPath(at)}: ` : "";
  // to move the store helps only where the store is meant
  const isElsewhere = at !== undefined && !`${at}/`.startsWith(`${homePath()}/`);
  if (isDiskFull(error)) {
    const hint = isElsewhere ? { hint: "free space on that disk" } : {};
    return new StageFailure(`${where}the disk is full`, { ...FULL_DISK, ...hint });
  }
  if (code === "EXDEV") {
    return lacking(
      `${where}it lies on another disk than the rest of the store, and results are published by a rename`,
      "put the whole of .kragle, or of KRAGLE_HOME, on one disk",
    );
  }
  if (syscall === "link" && ["EPERM", "EOPNOTSUPP", "ENOTSUP", "ENOSYS"].includes(code)) {
    return lacking(
      `${where}its file system has no hard links, by which kragle keeps two runs apart`,
      "let KRAGLE_HOME name a folder on another one, such as ext4, XFS, Btrfs or tmpfs",
    );
  }
  // of a recursive mkdir, which does not tell the true reason
  const unmade = code === "ENOENT" && syscall === "mkdir";
  const known = unmade ? UNMADE : syscall === undefined ? undefined : FILE_ERRORS[code];
  return (
    known && lacking(`${where}${known[0]}`, isElsewhere ? known[1].replace(MOVE, "") : known[1])
  );
}

const MOVE = ", or move the store with KRAGLE_HOME";
const RIGHTS = `see to its rights${MOVE}`;
const IN_PLACE = "see who put it there, move it away, and run the same command again";

const UNMADE = [
  "the folder cannot be made: the file system is read-only, or a link leads nowhere",
  RIGHTS,
] as const;

/** What else a file system says, and what to do then. */
const FILE_ERRORS: Readonly<Record<string, readonly [words: string, next: string]>> = {
  EACCES: ["permission is denied to this user", RIGHTS],
  EPERM: ["you may not change it, or it was made immutable (lsattr)", RIGHTS],
  EROFS: ["the file system is read-only", RIGHTS],
  EIO: [
    "the disk could not read or write it",
    "see what the kernel says of the disk (dmesg); what was whole before was not changed",
  ],
  EFBIG: [
    "it would be larger than its file system, or a limit of this user (ulimit -f), allows",
    `raise the limit${MOVE}`,
  ],
  EISDIR: ["a folder stands where a file belongs", IN_PLACE],
  ENOTDIR: ["something else stands where a folder belongs", IN_PLACE],
  // of mkdir; nothing else of kragle's leaves this one to the user
  EEXIST: ["something else stands where a folder belongs", IN_PLACE],
  ELOOP: ["a link stands where none is followed, or links lead in a circle", IN_PLACE],
  ENAMETOOLONG: ["the path is too long for the file system", "let it be a shorter one"],
  EBUSY: [
    "something is mounted there, or uses it",
    "see what it is (findmnt, fuser), and end that",
  ],
  EMFILE: ["this process may not open more files", "raise its limit (ulimit -n)"],
  ENFILE: ["this machine has no more open files to give", "end what holds so many (lsof)"],
};
