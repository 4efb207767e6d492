import { randomBytes, scryptSync } from "node:crypto";

import { namedHostSecrets } from "../../host/secrets";
import { type Step, STEP_SECRET } from "../../plan/steps";

const BYTES = 32;

/**
 * Tells whether the secrets that a step can see have the values that they had in an earlier run, by marks from which nobody can tell them: a
 * point has what the step has made of them, and the image is searched for the values of the run that finishes it only.
 */
export class StepSecrets {
  /** @param secrets the run's, as stages have them */
  constructor(
    private readonly steps: readonly Step[],
    private readonly secrets: Readonly<Record<string, string>>,
  ) {}

  /** @returns undefined for a step that sees none */
  mark(step: number): string | undefined {
    const seen = this.seenBy(step);
    const salt = randomBytes(BYTES / 2).toString("hex");
    return seen === undefined ? undefined : marked(seen, salt);
  }

  isSame(step: number, mark: string | undefined): boolean {
    const seen = this.seenBy(step);
    if (seen === undefined || mark === undefined) return seen === mark;
    return marked(seen, mark.split(":")[0]!) === mark;
  }

  /** Counting from 1: its own, and the passwords of proxies, whose addresses every step has. */
  private seenBy(step: number): string | undefined {
    const one = this.steps[step - 1]!;
    const named = "secrets" in one ? one.secrets : [];
    const own = [...named].sort().map((name) => [name, this.secrets[`${STEP_SECRET}${name}`]]);
    const all = [...Object.entries(namedHostSecrets()), ...own];
    return all.length > 0 ? JSON.stringify(all) : undefined;
  }
}

const marked = (seen: string, salt: string) =>
  `${salt}:${scryptSync(seen, salt, BYTES).toString("hex")}`;
