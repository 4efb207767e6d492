import { createHash } from "node:crypto";

import { DIGEST_LABEL, HAND_IMAGE } from "../plan/handImage";
import type { PlannedStage } from "../plan/imagePlan";
import { projectFolder } from "../host/project";
import { findLabelled, inspectImage } from "../executors/images";
import type { Site } from "../executors/site";
import { lastHandImage } from "../store/handImageNote";
import type { ArtifactStore } from "../store/artifactStore";
import type { Manifest } from "../store/manifest";
import type { Root } from "../store/roots";

/** What the plan finds of one stage's result. */
export interface Observation {
  readonly stage: string;
  /** `present` means: whole, and not to be rebuilt; `unheld` the same, but that the stack has no root by which to keep it. */
  readonly state: "present" | "unheld" | "missing" | "damaged" | "rebuild";
  /** In words, where the result cannot be used, or the stack lost its root. */
  readonly why?: string;
  /** See `StageCommandArgs.marker`; undefined where the result is present. */
  readonly marker: string | undefined;
  /** Where the result is present. */
  readonly manifest?: Manifest;
}

/** Tells one folder from another without naming it: the state is other machines' too. */
const digestOf = (folder: string) => createHash("sha256").update(folder).digest("hex").slice(0, 12);

/** What the stack had before this run. */
export interface Kept {
  readonly roots: ReadonlyMap<string, Root>;
  /** See `Roots.absence`. */
  readonly absence: string;
  /** Whether the stack was released here before. */
  readonly known: boolean;
}

/** Looks at what is really in the store and at the daemon, which the engine's state does not tell. */
export class Observer {
  constructor(
    private readonly site: Site,
    private readonly store: ArtifactStore,
    private readonly kept: Kept,
    /** Stages that the user wants built again. */
    private readonly rebuild: ReadonlySet<string>,
  ) {}

  async stage({ description, key }: PlannedStage, root: string): Promise<Observation> {
    const { stage } = description;
    const found = await this.store.lookup(stage, key);
    const before = this.kept.roots.get(root);
    const sameAsBefore = before?.key === key;
    if (found.state === "present") {
      const { manifest } = found;
      if (!this.rebuild.has(stage)) return { stage, manifest, ...this.held(key, before) };
      const marker = `rebuild:${manifest.publishedAt}`;
      return { stage, state: "rebuild", why: "a rebuild was asked for", marker };
    }
    const lack = sameAsBefore
      ? `lost:${before.publishedAt}`
      : `absent:${this.store.id}:${this.kept.absence}`;
    // what earlier runs of it have left does not count either
    const marker = this.rebuild.has(stage) ? `rebuild:${lack}` : lack;
    if (found.state === "damaged") {
      return { stage, state: "damaged", why: `its artifact is damaged: ${found.reason}`, marker };
    }
    const why = sameAsBefore ? "its artifact is gone from the store" : undefined;
    return { stage, state: "missing", why, marker };
  }

  /** Whether a whole result is the stack's. The stage finds it in the store otherwise, and keeps it for the stack. */
  private held(
    key: string,
    before: Root | undefined,
  ): Pick<Observation, "state" | "why" | "marker"> {
    if (before?.key !== key) {
      const marker = `unheld:${this.kept.absence}`;
      const why = "its root is gone; up sets it again, and builds nothing for that";
      const isLost = before === undefined && this.kept.known;
      return { state: "unheld", marker, ...(isLost ? { why } : {}) };
    }
    if (before.folder !== undefined && before.folder !== projectFolder) {
      const why = `this folder was ${before.folder}; up lets the outputs follow`;
      return { state: "unheld", marker: `moved:${digestOf(projectFolder)}`, why };
    }
    return { state: "present", marker: undefined };
  }

  /**
   * @param root of whoever builds it
   * @returns the marker of an image that the Docker daemon does not have, else undefined
   */
  async dockerImage(reference: string, root: string): Promise<string | undefined> {
    const found = await inspectImage(this.site, reference).catch(() => undefined);
    if (found) return undefined;
    // the store's id tells this machine's losses from another's; the time of the last build tells one loss from the next
    return `lost:${this.store.id}:${this.kept.roots.get(root)?.publishedAt ?? this.kept.absence}`;
  }

  /**
   * @param digest of what the image is made of
   * @returns the marker where the daemon has no image for use by hand that is made of just that, or none by its plain name; else undefined
   */
  async handImage(digest: string): Promise<string | undefined> {
    const looked = findLabelled(this.site, HAND_IMAGE, [DIGEST_LABEL, digest]);
    const found = await looked.catch(() => undefined);
    if (found?.labelled && found.latest) return undefined;
    return `lost:${this.store.id}:${await lastHandImage(this.site.home)}`;
  }
}
