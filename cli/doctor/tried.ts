import { EXIT, type FailureDetails, StageFailure } from "../../host/failure";
import { SettingsError } from "../../infra/settings";
import { type Requirement, verdict } from "./requirements";

/** The row of what `up` tries before it starts, with the very words in which it would fail. */
export async function tried(
  name: string,
  need: string,
  look: () => Promise<string>,
): Promise<Requirement> {
  try {
    return verdict(name, "ok", await look(), need);
  } catch (error) {
    if (!(error instanceof StageFailure || error instanceof SettingsError)) throw error;
    return refused(name, need, error);
  }
}

/** In the words of `up`. */
export function refused(
  name: string,
  need: string,
  problem: StageFailure | SettingsError,
): Requirement {
  const { found, details }: { found: string; details: FailureDetails } =
    problem instanceof StageFailure
      ? { found: problem.message, details: problem.details }
      : { found: problem.problems.join("\n"), details: { exitCode: EXIT.wrongSettings } };
  const row = verdict(name, "missing", found, need, details.hint ?? "mend the stack's settings");
  return details.exitCode === EXIT.wrongSettings ? { ...row, wrongSettings: true } : row;
}
