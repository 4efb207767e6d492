import { createHash } from "node:crypto";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

import canonicalize from "canonicalize";

import type { image } from "../plan/stages/image";
import type { StepKind } from "../plan/steps";
import { secondsOfStep } from "../store/manifest";
import type { ArtifactOf } from "../store/typed";

/** One of the user's steps, as it went into an image. */
export interface StepRun {
  /** What people call it. */
  readonly title: string;
  readonly kind: StepKind;
  /** SHA-256 of all that its result depends on, the digests of its files among it. */
  readonly sha256: string;
  /** Null where it did not run in this build, which went on from a point behind it. */
  readonly seconds: number | null;
  /** What it printed; secrets are masked. */
  readonly output: string;
}

/** The user's steps of an image, in their order. @param titles what people call them, by the settings of the release */
export async function stepRuns(
  { folder, manifest }: ArtifactOf<typeof image>,
  titles: readonly string[],
): Promise<StepRun[]> {
  // earlier versions of kragle had scripts only, which were no steps
  const { steps = [] } = manifest.description.inputs as { steps?: { kind: StepKind }[] };
  const log = await readFile(join(folder, "logs/scripts.log"), "utf8").catch(() => "");
  const outputs = outputsIn(log, titles);
  return steps.map((step, index) => {
    return {
      title: titles[index] ?? step.kind,
      kind: step.kind,
      sha256: createHash("sha256").update(canonicalize(step)!).digest("hex"),
      seconds: secondsOfStep(manifest, index + 1) ?? null,
      output: outputs[index] ?? "",
    };
  });
}

/** What each step printed: below a line of its title, which a step before it cannot put there for a later one than the next. */
function outputsIn(log: string, titles: readonly string[]): string[] {
  const outputs = titles.map((): string[] => []);
  let current = -1;
  let isStep = false;
  for (const line of log.split("\n")) {
    const next = line.startsWith(HEADING)
      ? titles.indexOf(line.slice(HEADING.length), current + 1)
      : -1;
    if (next >= 0) [current, isStep] = [next, true];
    else if (AFTER_STEPS.test(line)) isStep = false;
    else if (isStep) outputs[current]!.push(line);
  }
  return outputs.map((lines) => lines.join("\n").trimEnd());
}

/** Begins the line above what a script or step printed, see builder/stages/common/packer_run.py. */
const HEADING = "» ";

/** That of a script of kragle's or the template's which runs after the steps. */
const AFTER_STEPS = /^» (?:.*\/)?[89]\d-[^/]+\.sh$/;
