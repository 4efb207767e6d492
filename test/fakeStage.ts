import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { z } from "zod";

import type { Executor } from "../executors/executor";
import { contract } from "../plan/stages/contract";
import type { StageAnswer } from "../plan/stages/call";
import { runStage } from "../run/runStage";
import type { StageContext, StageProgram } from "../run/stage";
import type { ArtifactStore } from "../store/artifactStore";
import type { TemporaryStore } from "./temporaryStore";
import { executor } from "./site";

const fake = contract({
  stage: "image",
  version: 1,
  inputs: z.strictObject({ variant: z.string() }),
  upstream: z.strictObject({}),
  request: z.strictObject({ content: z.string() }),
  result: z.strictObject({ run: z.number() }),
});

type Fake = typeof fake;

/** A stage that writes its request's `content` into the file `image.qcow2`, without Docker, and counts how often it ran. */
export class FakeStage implements StageProgram<Fake> {
  readonly contract = fake;
  runs = 0;
  /** What a test wants to happen in the middle of the stage. */
  during: (context: StageContext<Fake>) => unknown = () => undefined;
  /** What the last run printed. */
  lines: string[] = [];

  /** @param store where its results go; the one of `at` where none is given */
  constructor(
    private readonly at: TemporaryStore,
    private readonly store: ArtifactStore = at.store,
  ) {}

  readonly run: StageProgram<Fake>["run"] = async (context) => {
    this.runs++;
    context.phase("write the image");
    writeFileSync(join(context.work, "image.qcow2"), context.request.content);
    context.detail("a detail");
    await this.during(context);
    return { result: { run: this.runs } };
  };

  /** Runs the stage as its command resource does. */
  start(
    options: {
      readonly stack?: string;
      readonly variant?: string;
      readonly marker?: string;
      readonly request?: unknown;
      readonly secrets?: Record<string, string>;
      readonly signal?: AbortSignal;
      readonly executor?: Executor;
    } = {},
  ): Promise<StageAnswer> {
    const lines: string[] = [];
    this.lines = lines;
    return runStage<Fake>(this, {
      store: this.store,
      call: {
        project: "kragle",
        stack: options.stack ?? "dev",
        root: "image",
        description: this.at.describe(options.variant),
        request: options.request ?? { content: "an image" },
      },
      marker: options.marker,
      secrets: options.secrets ?? {},
      print: (line) => lines.push(line),
      signal: options.signal ?? new AbortController().signal,
      executor: options.executor ?? executor,
    });
  }
}
