import { asFailure, EXIT, type FailureDetails, StageFailure } from "../../host/failure";
import { SettingsError } from "../../settings/stack";
import { type Requirement, verdict } from "./requirements";

/** Why something that `up` needs is not to be had, in the words of `up`. */
export type Problem = StageFailure | SettingsError;

export const isProblem = (value: unknown): value is Problem =>
  value instanceof StageFailure || value instanceof SettingsError;

/** What a look finds, or why it finds nothing, whatever that is. */
export async function attempt<T>(look: () => T | Promise<T>): Promise<T | Problem> {
  try {
    return await look();
  } catch (error) {
    return isProblem(error) ? error : (asFailure(error as Error) ?? unexpected(error as Error));
  }
}

const unexpected = ({ name, message }: Error) =>
  new StageFailure(`could not be examined: ${name}: ${message}`, {
    hint: "kragle has a bug here, please report it",
  });

/** The row of what `up` tries before it starts, with the very words in which it would fail. */
export async function tried(
  name: string,
  need: string,
  look: () => Promise<string>,
): Promise<Requirement> {
  const found = await attempt(look);
  return isProblem(found) ? refused(name, need, found) : verdict(name, "ok", found, need);
}

/** The rows of an examination; where that fails, the failure is the row, so that none of them ends the table. */
export async function examined(
  name: string,
  look: () => Rows | Promise<Rows>,
): Promise<Requirement[]> {
  const rows = await attempt(look);
  if (isProblem(rows)) return [refused(name, "that it can be examined", rows)];
  return [rows].flat().filter((row) => row !== undefined);
}

type Row = Requirement | undefined;
type Rows = Row | readonly Row[];

/** In the words of `up`. */
export function refused(name: string, need: string, problem: Problem): Requirement {
  const { found, details }: { found: string; details: FailureDetails } =
    problem instanceof StageFailure
      ? { found: problem.message, details: problem.details }
      : { found: problem.problems.join("\n"), details: { exitCode: EXIT.wrongSettings } };
  const row = verdict(name, "missing", found, need, details.hint ?? "mend the stack's settings");
  return details.exitCode === EXIT.wrongSettings ? { ...row, wrongSettings: true } : row;
}
