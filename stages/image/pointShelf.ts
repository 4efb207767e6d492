import { mkdir } from "node:fs/promises";

import { closeToOthers } from "../../executors/handOver";
import { removeTree } from "../../host/removeTree";
import type { DescriptionOf, ResultOf } from "../../plan/stages/contract";
import type { image } from "../../plan/stages/image";
import { point, pointsOf } from "../../plan/stages/point";
import type { ArtifactStore } from "../../store/artifactStore";
import type { Manifest } from "../../store/manifest";
import { Workplace } from "../../store/workplace";

/** How long it may take another run to publish a point, or to delete one. */
const PATIENCE_MS = 20_000;

/** The places that the points of one image have in the store, by the numbers of their steps. */
export class PointShelf {
  private readonly place: Workplace;
  private readonly held = new Map<number, () => Promise<void>>();

  constructor(
    private readonly store: ArtifactStore,
    private readonly built: DescriptionOf<typeof image>,
  ) {
    this.place = new Workplace(store.home);
  }

  /** Keeps other runs from replacing or deleting points, since a container reads them until its end. */
  async hold(steps: readonly number[], signal: AbortSignal): Promise<void> {
    for (const step of steps) {
      const { key } = this.planned(step);
      this.held.set(step, await this.place.lockStage(point.stage, key, { shared: true, signal }));
    }
  }

  async letGo(): Promise<void> {
    for (const step of [...this.held.keys()]) await this.letGoOf(step);
  }

  /**
   * Publishes what is laid into a new folder, in place of what was there.
   *
   * @throws Error where another build goes on from that
   */
  async put(
    step: number,
    seconds: number,
    result: ResultOf<typeof point>,
    lay: (folder: string) => Promise<void>,
  ): Promise<Manifest> {
    const { stage } = point;
    const { description, key } = this.planned(step);
    await this.letGoOf(step);
    const signal = AbortSignal.timeout(PATIENCE_MS);
    const release = await this.place.lockStage(stage, key, { signal }).catch((error: Error) => {
      if (!signal.aborted) throw error;
      throw new Error("another build goes on from the one that is there");
    });
    try {
      const folder = this.place.workFolder(stage, key);
      await removeTree(folder);
      await mkdir(folder, { recursive: true });
      await lay(folder);
      const { manifest, folder: published } = await this.store.publish(stage, key, {
        manifest: { stage, key, description, seconds, phases: [], result },
      });
      // unlike a finished image, it was not searched for secrets: for this user only, and for the containers
      await closeToOthers(published);
      return manifest;
    } finally {
      await release();
    }
  }

  private planned(step: number) {
    return pointsOf(this.built)[step - 1]!;
  }

  private async letGoOf(step: number): Promise<void> {
    await this.held.get(step)?.();
    this.held.delete(step);
  }
}
