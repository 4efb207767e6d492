import { cpSync } from "node:fs";

import type { Artifact, ArtifactStore, Finished, Lookup } from "../store/artifactStore";
import type { Manifest } from "../store/manifest";
import type { Store } from "../store/store";

/** This machine's store with another one behind it, whose artifacts are fetched when somebody reads them. */
export class SharedStore implements ArtifactStore {
  /** Artifacts that were brought here, and that were sent there, in this order. */
  readonly moved: string[] = [];
  readonly id: string;
  readonly home: string;

  constructor(
    private readonly near: Store,
    private readonly far: Store,
  ) {
    ({ id: this.id, home: this.home } = near);
  }

  async lookup(stage: string, key: string): Promise<Lookup> {
    const here = await this.near.lookup(stage, key);
    return here.state === "present" ? here : this.far.lookup(stage, key);
  }

  async artifact(stage: string, key: string): Promise<Artifact> {
    const here = await this.near.lookup(stage, key);
    if (here.state !== "present")
      this.move("fetch", await this.far.artifact(stage, key), this.near);
    return this.near.artifact(stage, key);
  }

  async manifests(stage: string): Promise<Manifest[]> {
    return [...(await this.near.manifests(stage)), ...(await this.far.manifests(stage))];
  }

  async publish(stage: string, key: string, finished: Finished): Promise<Artifact> {
    const artifact = await this.near.publish(stage, key, finished);
    this.move("send", artifact, this.far);
    return artifact;
  }

  private move(what: string, { folder, manifest: { stage, key } }: Artifact, to: Store): void {
    cpSync(folder, to.folder(stage, key), { recursive: true });
    this.moved.push(`${what} ${stage}`);
  }
}
