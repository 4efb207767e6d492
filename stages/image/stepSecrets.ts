import { randomBytes, scryptSync } from "node:crypto";

import { namedHostSecrets } from "../../host/secrets";
import { type Step, STEP_SECRET } from "../../plan/steps";

const BYTES = 32;

/**
 * Tells whether the secrets that the steps up to one can see have the values that they had in an earlier run, by marks from which nobody can
 * tell them: a point has what those steps have made of them, and the image is searched for the values of the run that finishes it only.
 * All of those steps count, since not each has a point of its own.
 */
export class StepSecrets {
  /** @param secrets the run's, as stages have them */
  constructor(
    private readonly steps: readonly Step[],
    private readonly secrets: Readonly<Record<string, string>>,
  ) {}

  /** @returns undefined where no step until then sees one */
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

  /** Counting from 1: those that the steps until then name, and the passwords of proxies, whose addresses every step has. */
  private seenBy(step: number): string | undefined {
    const until = this.steps.slice(0, step);
    const named = new Set(until.flatMap((one) => ("secrets" in one ? one.secrets : [])));
    const own = [...named].sort().map((name) => [name, this.secrets[`${STEP_SECRET}${name}`]]);
    const all = [...Object.entries(namedHostSecrets()), ...own];
    return all.length > 0 ? JSON.stringify(all) : undefined;
  }
}

const marked = (seen: string, salt: string) =>
  `${salt}:${scryptSync(seen, salt, BYTES).toString("hex")}`;
