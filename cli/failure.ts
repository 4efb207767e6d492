import { StepFailed } from "../engine/events";
import { SettingsError } from "../infra/settings";
import { EXIT, StageFailure } from "../stages/failure";
import { LockHeld } from "../store/lock";

/** How a command that failed ends: the words for the user and the exit code of the failure's class. */
export function describeFailure(error: Error): { message: string; exitCode: number } {
  if (error instanceof SettingsError)
    return { message: error.message, exitCode: EXIT.wrongSettings };
  if (error instanceof StepFailed) return { message: error.message, exitCode: error.exitCode };
  if (error instanceof LockHeld)
    return { message: `${error.message}; try again later`, exitCode: EXIT.failed };
  if (error instanceof StageFailure) {
    const { hint, exitCode } = error.details;
    return {
      message: hint ? `${error.message}\n  next: ${hint}` : error.message,
      exitCode: exitCode ?? EXIT.failed,
    };
  }
  const docker = dockerTrouble(error);
  if (docker) return { message: docker, exitCode: EXIT.lacking };
  return {
    message: `kragle has a bug here, please report it:\n${error.stack}`,
    exitCode: EXIT.failed,
  };
}

function dockerTrouble(error: Error & { code?: string; address?: string }): string | undefined {
  if (!["ENOENT", "ECONNREFUSED", "EACCES"].includes(error.code ?? "") || !error.address)
    return undefined;
  const why = error.code === "EACCES" ? "you may not use it" : "no daemon answers there";
  return `Docker cannot be reached at ${error.address}: ${why}\n  next: run ./kragle setup, or ./kragle doctor to see what is missing`;
}
