import { writeFileSync } from "node:fs";
import { join } from "node:path";

import { z } from "zod";

import { runStage, type StageAnswer, type StageContext, type StageProgram } from "../run/stage";
import type { ArtifactStore } from "../store/artifactStore";
import type { TemporaryStore } from "./temporaryStore";

type Settings = { readonly content: string };

/** A stage that writes its setting `content` into the file `image.qcow2`, without Docker, and counts how often it ran. */
export class FakeStage implements StageProgram<Settings> {
  readonly name = "image";
  readonly settings = z.object({ content: z.string() });
  runs = 0;
  /** What a test wants to happen in the middle of the stage. */
  during: (context: StageContext<Settings>) => unknown = () => undefined;
  /** What the last run printed. */
  lines: string[] = [];

  /** @param store where its results go; the one of `at` where none is given */
  constructor(
    private readonly at: TemporaryStore,
    private readonly store: ArtifactStore = at.store,
  ) {}

  readonly run: StageProgram<Settings>["run"] = async (context) => {
    this.runs++;
    context.phase("write the image");
    writeFileSync(join(context.work, "image.qcow2"), context.settings.content);
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
      readonly settings?: unknown;
      readonly secrets?: Record<string, string>;
      readonly signal?: AbortSignal;
    } = {},
  ): Promise<StageAnswer> {
    const lines: string[] = [];
    this.lines = lines;
    return runStage(this, {
      store: this.store,
      request: {
        stack: options.stack ?? "dev",
        root: "image",
        description: this.at.describe(options.variant),
        settings: options.settings ?? { content: "an image" },
      },
      marker: options.marker,
      secrets: options.secrets ?? {},
      print: (line) => lines.push(line),
      signal: options.signal ?? new AbortController().signal,
    });
  }
}
