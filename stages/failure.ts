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

/** A connection error of the Docker client as words for the user; undefined for any other error. */
export function unreachableDocker(error: Error): StageFailure | undefined {
  const { code, address } = error as Error & { code?: string; address?: string };
  if (!["ENOENT", "ECONNREFUSED", "EACCES"].includes(code ?? "") || !address) return undefined;
  const why = code === "EACCES" ? "you may not use it" : "no daemon answers there";
  return new StageFailure(`Docker cannot be reached at ${address}: ${why}`, {
    hint: "run ./kragle setup, or ./kragle doctor to see what is missing",
    exitCode: EXIT.lacking,
  });
}
