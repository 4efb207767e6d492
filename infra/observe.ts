import type { PlannedStage } from "../plan/imagePlan";
import { inspectImage } from "../executors/images";
import type { Site } from "../executors/site";
import type { ArtifactStore } from "../store/artifactStore";
import type { Manifest } from "../store/manifest";
import type { Root } from "../store/roots";

/** What the plan finds of one stage's result. */
export interface Observation {
  readonly stage: string;
  /** `present` means: whole, and not to be rebuilt. */
  readonly state: "present" | "missing" | "damaged" | "rebuild";
  /** In words, where the result cannot be used. */
  readonly why?: string;
  /** See `StageCommandArgs.marker`; undefined where the result is present. */
  readonly marker: string | undefined;
  /** Where the result is present. */
  readonly manifest?: Manifest;
}

/** Looks at what is really in the store and at the daemon, which the engine's state does not tell. */
export class Observer {
  constructor(
    private readonly site: Site,
    private readonly store: ArtifactStore,
    /** What the stack had before this run, by root. */
    private readonly roots: ReadonlyMap<string, Root>,
    /** Stages that the user wants built again. */
    private readonly rebuild: ReadonlySet<string>,
  ) {}

  async stage({ description, key }: PlannedStage, root: string): Promise<Observation> {
    const { stage } = description;
    const found = await this.store.lookup(stage, key);
    if (found.state === "present") {
      const { manifest } = found;
      if (!this.rebuild.has(stage)) return { stage, state: "present", marker: undefined, manifest };
      const marker = `rebuild:${manifest.publishedAt}`;
      return { stage, state: "rebuild", why: "a rebuild was asked for", marker };
    }
    const before = this.roots.get(root);
    const sameAsBefore = before?.key === key;
    const marker = sameAsBefore ? `lost:${before.publishedAt}` : `absent:${this.store.id}`;
    if (found.state === "damaged") {
      return { stage, state: "damaged", why: `its artifact is damaged: ${found.reason}`, marker };
    }
    const why = sameAsBefore ? "its artifact is gone from the store" : undefined;
    return { stage, state: "missing", why, marker };
  }

  /** @returns the marker of an image that the Docker daemon does not have, else undefined */
  async dockerImage(reference: string): Promise<string | undefined> {
    const found = await inspectImage(this.site, reference).catch(() => undefined);
    if (found) return undefined;
    // the store's id tells this machine's losses from another's; the time of the last build tells one loss from the next
    return `lost:${this.store.id}:${this.roots.get("builder")?.publishedAt ?? "new"}`;
  }
}
