import { mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { type StageDescription, stageKey } from "../plan/description";
import type { Artifact, Finished } from "../store/artifactStore";
import { claimHome } from "../host/home";
import { Store } from "../store/store";
import { Workplace } from "../store/workplace";

/** Seconds since 1970 of the time that files laid into a work folder have. */
export const OLD = 1_000_000_000;

/** A store in a folder of its own with a space and a non-ASCII letter in its name. */
export class TemporaryStore {
  private readonly outer = mkdtempSync(join(tmpdir(), "kragle störe "));
  /** Some folders down, so that nothing that leads out of it leads out of the test's own folder. */
  readonly home = join(this.outer, "a/b/.kragle");
  readonly store = new Store(this.home);
  readonly place = new Workplace(this.home);

  constructor() {
    claimHome(this.home);
  }

  /** The description of a stage that tests use, one for each variant. */
  describe(variant = "a", stage = "image"): StageDescription {
    return { stage, version: 1, inputs: { variant }, upstream: {} };
  }

  /** Lays files into a stage's work folder, as its program would. */
  work(files: Record<string, string>, description = this.describe()): string {
    const folder = this.place.workFolder(description.stage, stageKey(description));
    mkdirSync(folder, { recursive: true });
    for (const [name, content] of Object.entries(files)) {
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      writeFileSync(join(folder, name), content);
      // an old time, so that a later write never falls into the same tick of the clock
      utimesSync(join(folder, name), OLD, OLD);
    }
    return folder;
  }

  async publish(
    files: Record<string, string> = { "image.qcow2": "an image" },
    description = this.describe(),
    extra: {
      external?: { path: string }[];
      result?: Record<string, unknown>;
      madeBy?: Finished["manifest"]["madeBy"];
      phases?: Finished["manifest"]["phases"];
    } = {},
  ): Promise<Artifact & { key: string }> {
    this.work(files, description);
    const manifest = {
      ...this.manifest(description),
      ...(extra.result && { result: extra.result }),
      ...(extra.madeBy && { madeBy: extra.madeBy }),
      ...(extra.phases && { phases: extra.phases }),
    };
    const { stage, key } = manifest;
    return {
      ...(await this.store.publish(stage, key, { manifest, external: extra.external })),
      key,
    };
  }

  /** What a stage hands over. */
  manifest(description = this.describe()): Finished["manifest"] {
    const key = stageKey(description);
    const { stage } = description;
    return { stage, key, description, seconds: 1.5, phases: [], result: { size: 8 } };
  }

  /** `present`, `missing`, or what is damaged. */
  async state(description = this.describe()): Promise<string> {
    const found = await this.store.lookup(description.stage, stageKey(description));
    return found.state === "damaged" ? found.reason : found.state;
  }

  remove(): void {
    rmSync(this.outer, { recursive: true, force: true });
  }
}
