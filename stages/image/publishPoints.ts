import { existsSync } from "node:fs";
import { readdir, rename, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { z } from "zod";

import { StageFailure } from "../../host/failure";
import { occupiedBytes } from "../../host/freeSpace";
import { removeTree } from "../../host/removeTree";
import { pointsRoot } from "../../plan/roots";
import type { DescriptionOf } from "../../plan/stages/contract";
import { image } from "../../plan/stages/image";
import { type ChainFile, point, POINT } from "../../plan/stages/point";
import { formatSize } from "../../plan/units";
import type { StageContext } from "../../run/stage";
import { readStageFile } from "../../run/stageFile";
import type { Artifact } from "../../store/artifactStore";
import { lowestFile, type KeptPoint, pointFile } from "../../store/pointChain";
import { Roots } from "../../store/roots";
import { PointShelf } from "./pointShelf";
import { requireRoom } from "./room";
import { StepSecrets } from "./stepSecrets";

/** Where the container leaves the points, a file and a note each, by the number of their step. */
export const POINTS = "points";

/** From which points no guest answered, see {@link silentSchema}. */
const SILENT = join(POINTS, "silent.json");

const POLL_MS = 1000;

/** What build_image.py notes of a point. */
const noteSchema = z.strictObject({
  /** The steps whose points are below it, the lowest first. */
  below: z.array(z.number().int().positive()),
  qemu: z.string(),
  /** Since the point before it, or since the guest's start. */
  seconds: z.number(),
});

/** What build_image.py notes of points from which it had started guests in vain, before one answered. */
const silentSchema = z.strictObject({
  steps: z.array(z.number().int().positive()),
  /** How the last of them failed. */
  why: z.string(),
});

/** Brings the points that a build takes into the store, each as soon as it is whole: a run that is killed has lost none of them. */
export class PointPublisher {
  /** By the number of their step, those among them that the build goes on from. */
  private readonly files: Map<number, ChainFile>;
  private readonly bytes: Map<number, number>;
  private readonly shelf: PointShelf;
  private stopped = false;
  private claimed = false;

  /** @param chain what the build goes on from, the lowest first */
  constructor(
    private readonly context: StageContext<typeof image>,
    private readonly built: DescriptionOf<typeof image>,
    private readonly installed: Artifact,
    chain: readonly (KeptPoint & { readonly artifact: Artifact })[],
  ) {
    this.shelf = new PointShelf(context.store, built);
    this.files = new Map(chain.map(({ step, file }) => [step, file]));
    this.bytes = new Map(
      chain.map(({ step, artifact: { manifest } }) => [step, manifest.files[0]!.allocatedBytes]),
    );
  }

  /** The number of the last step whose point is in the store; 0 for none. */
  get last(): number {
    return Math.max(0, ...this.files.keys());
  }

  /** As messages name it. */
  named(step: number): string {
    return `point after step ${step} (${this.context.request.steps[step - 1]!.title})`;
  }

  /** Publishes what there is until the build has ended, however it has. What is not kept is gone then. */
  async during<T>(build: () => Promise<T>): Promise<T> {
    try {
      await this.hold();
      const running = build();
      const end = () => true;
      const ended = running.then(end, end);
      for (let over = false; !over;) {
        over = await Promise.race([ended, sleep(POLL_MS, false, { ref: false })]);
        // what root has written in a privileged container is this user's when that has ended
        if (over || !this.context.request.privileged) await this.publishWhole();
      }
      await this.putAside().catch(({ message }: Error) => this.context.detail(message));
      await removeTree(join(this.context.work, POINTS));
      return await running;
    } finally {
      await this.shelf.letGo();
    }
  }

  /**
   * Keeps what the build goes on from as it was found.
   *
   * @throws StageFailure where another run has replaced a point meanwhile: those above it do not lie on that one
   */
  private async hold(): Promise<void> {
    const { store, signal } = this.context;
    await this.shelf.hold([...this.files.keys()], signal);
    for (const [step, { key, sha256 }] of this.files) {
      const found = await store.lookup(point.stage, key);
      if (found.state === "present" && pointFile(found.manifest).sha256 === sha256) continue;
      throw new StageFailure(`the ${this.named(step)} was replaced by another run meanwhile`, {
        hint: "run the same command again",
      });
    }
  }

  /** Leaves a note in the place of a point from which no guest answered: the next build does not go on from it either. */
  private async putAside(): Promise<void> {
    const { work, detail } = this.context;
    if (!existsSync(join(work, SILENT))) return;
    const { steps, why } = readStageFile(work, SILENT, silentSchema);
    for (const step of steps) {
      await this.shelf.put(step, 0, { silent: why }, () => Promise.resolve());
      this.files.delete(step);
      detail(`the ${this.named(step)} is put aside`);
    }
  }

  /** One that cannot be kept is told, and those above it are not kept either: they would lie on nothing. No build fails for it. */
  private async publishWhole(): Promise<void> {
    let step = this.last;
    try {
      if (step > 0) await this.claim();
      for (step of this.stopped ? [] : await stepsIn(join(this.context.work, POINTS))) {
        await this.publish(step);
        await this.claim();
      }
    } catch (error) {
      this.stopped = true;
      this.context.detail(
        `the ${this.named(step)} and those after it are not kept: ${(error as Error).message}`,
      );
    }
  }

  private async publish(step: number): Promise<void> {
    const { work, request } = this.context;
    const noted = join(POINTS, `${step}.json`);
    const { below, qemu, seconds } = readStageFile(work, noted, noteSchema);
    const points = below.map((number) => {
      const file = this.files.get(number);
      if (file) return file;
      throw new Error(`it lies on the one after step ${number}, which was not kept`);
    });
    const written = join(work, POINTS, `${step}.qcow2`);
    const bytes = await occupiedBytes(written);
    if (below.reduce((sum, number) => sum + this.bytes.get(number)!, bytes) > request.points) {
      throw new Error(`they take more than ${formatSize(request.points)} (setting points)`);
    }
    // a point is never what the rest of this build, or the next one, lacks room for
    await requireRoom(work, this.installed);
    const on = [lowestFile(this.installed.manifest), ...points];
    const lay = (folder: string) => rename(written, join(folder, POINT));
    const { inputs, secrets } = this.context;
    const mark = new StepSecrets(inputs.steps, secrets).mark(step);
    const result = { disk: POINT, qemu, below: on, ...(mark ? { secrets: mark } : {}) } as const;
    const manifest = await this.shelf.put(step, seconds, result, lay);
    this.files.set(step, pointFile(manifest));
    this.bytes.set(step, bytes);
    await rm(join(work, noted), { force: true });
  }

  /** Lets the stack keep the points of this build, in place of those of an earlier one that has failed. */
  private async claim(): Promise<void> {
    if (this.claimed) return;
    const { store, owner, key, root: own } = this.context;
    const publishedAt = new Date().toISOString();
    const root = { stage: image.stage, key, publishedAt, description: this.built };
    await new Roots(store.home, owner).set(pointsRoot(own), root);
    this.claimed = true;
  }
}

/** The steps of which there is a whole note, which is written last. */
async function stepsIn(folder: string): Promise<number[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .flatMap((name) => (/^[1-9]\d{0,3}\.json$/.test(name) ? [Number.parseInt(name)] : []))
    .sort((a, b) => a - b);
}
