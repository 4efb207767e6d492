import { StepFailed } from "../engine/events";
import { asFailure, EXIT } from "../host/failure";
import { LockHeld } from "../host/lock";
import { SettingsError } from "../settings/stack";

/** How a command that failed ends: the words for the user and the exit code of the failure's class. */
export function describeFailure(error: Error): { message: string; exitCode: number } {
  if (error instanceof SettingsError)
    return { message: error.message, exitCode: EXIT.wrongSettings };
  if (error instanceof StepFailed) return { message: error.message, exitCode: error.exitCode };
  if (error instanceof LockHeld)
    return { message: `${error.message}; try again later`, exitCode: EXIT.failed };
  const failure = asFailure(error);
  if (failure) return { message: failure.text, exitCode: failure.details.exitCode ?? EXIT.failed };
  return {
    message: `kragle has a bug here, please report it:\n${error.stack}`,
    exitCode: EXIT.failed,
  };
}
