import { chmod, mkdir, readdir, rename } from "node:fs/promises";
import { join } from "node:path";

import { z } from "zod";

import { handToContainer } from "../../executors/handOver";
import { occupiedBytes } from "../../host/freeSpace";
import { removeTree } from "../../host/removeTree";
import { plan } from "../../plan/stages/contract";
import { image } from "../../plan/stages/image";
import { point, POINT, pointsOf } from "../../plan/stages/point";
import { formatSize } from "../../plan/units";
import type { StageContext } from "../../run/stage";
import { readStageFile } from "../../run/stageFile";
import type { Artifact } from "../../store/artifactStore";
import {
  baseFile,
  type ChainFile,
  findPoints,
  type KeptPoint,
  pointFile,
} from "../../store/pointChain";
import { Workplace } from "../../store/workplace";

/** Where the container leaves the points, a file and a note each, by the number of their step. */
const POINTS = "points";

/** What build_image.py notes of a point. */
const noteSchema = z.strictObject({
  /** The steps whose points are below it, the lowest first. */
  below: z.array(z.number().int().positive()),
  qemu: z.string(),
  /** Since the point before it, or since the guest's start. */
  seconds: z.number(),
});

type Context = StageContext<typeof image>;

/** The points of one build: those that it can go on from, and those that it takes. */
export class Points {
  /** The number of the last step whose point is in the store; 0 for none. */
  private last = 0;

  private constructor(
    private readonly context: Context,
    private readonly installed: Artifact,
    /** The lowest first. */
    private readonly chain: readonly (KeptPoint & { readonly artifact: Artifact })[],
  ) {
    this.last = chain.at(-1)?.step ?? 0;
  }

  /** Looks which points there are, and tells which of them the build goes on from. */
  static async of(context: Context, installed: Artifact): Promise<Points> {
    const { rebuild, request, store, detail } = context;
    if (request.points === 0 || rebuild) return new Points(context, installed, []);
    const described = describe(context);
    const { chain, unused } = await findPoints(store, described, installed.manifest);
    unused.forEach(detail);
    const here = chain.map(async (kept) => ({
      ...kept,
      artifact: await store.artifact(point.stage, kept.key),
    }));
    const points = new Points(context, installed, await Promise.all(here));
    if (points.last > 0) detail(`goes on from the ${points.named(points.last)}`);
    return points;
  }

  /** By the place at which build_image.py sees them. */
  get artifacts(): Record<string, Artifact> {
    return Object.fromEntries(
      this.chain.map(({ step, artifact }) => [`/${POINTS}/${step}`, artifact]),
    );
  }

  /** As build_image.py is told of them. */
  get settings(): readonly { readonly step: number; readonly qemu: string }[] | null {
    const { points, steps } = this.context.request;
    if (points === 0 || steps.length === 0) return null;
    return this.chain.map(({ step, qemu }) => ({ step, qemu }));
  }

  /** What a build that failed leaves for the next one, as the end of a sentence. */
  kept(): string {
    return this.last > 0
      ? `it goes on from the ${this.named(this.last)}, unless that or an earlier step is changed`
      : "the base is kept";
  }

  /**
   * Publishes the points that the build has taken, however it has ended: the next one goes on from the last of them. One that cannot be
   * kept is told, and those above it are not kept either: they would lie on nothing. No build fails for it.
   */
  async publish(): Promise<void> {
    const { work, request, detail } = this.context;
    const files = new Map(this.chain.map(({ step, file }) => [step, file]));
    let bytes = 0;
    for (const step of await stepsIn(join(work, POINTS))) {
      try {
        bytes += await occupiedBytes(this.fileOf(step));
        if (bytes > request.points) {
          throw new Error(`they take more than ${formatSize(request.points)} (setting points)`);
        }
        files.set(step, await this.publishOne(step, files));
        this.last = step;
      } catch (error) {
        detail(
          `the ${this.named(step)} and those after it are not kept: ${(error as Error).message}`,
        );
        return;
      }
    }
  }

  private fileOf(step: number): string {
    return join(this.context.work, POINTS, `${step}.qcow2`);
  }

  private named(step: number): string {
    return `point after step ${step} (${this.context.request.steps[step - 1]!.title})`;
  }

  private async publishOne(
    step: number,
    files: ReadonlyMap<number, ChainFile>,
  ): Promise<ChainFile> {
    const { store, work } = this.context;
    const { description, key } = pointsOf(describe(this.context))[step - 1]!;
    const { below, qemu, seconds } = readStageFile(work, `${POINTS}/${step}.json`, noteSchema);
    const points = below.map((number) => {
      const file = files.get(number);
      if (file) return file;
      throw new Error(`it lies on the one after step ${number}, which was not kept`);
    });
    const result = {
      ...{ disk: POINT, qemu },
      below: [baseFile(this.installed.manifest), ...points],
    };
    const place = new Workplace(store.home);
    const release = await place.lockStage(point.stage, key, {});
    try {
      const folder = place.workFolder(point.stage, key);
      await removeTree(folder);
      await mkdir(folder, { recursive: true });
      await rename(this.fileOf(step), join(folder, POINT));
      const { manifest, folder: published } = await store.publish(point.stage, key, {
        manifest: { stage: point.stage, key, description, seconds, phases: [], result },
      });
      // unlike a finished image, it was not searched for secrets: for this user only, and for the containers
      await handToContainer(published);
      await chmod(published, 0o700);
      return pointFile(manifest);
    } finally {
      await release();
    }
  }
}

const describe = ({ inputs, upstream }: Context) => plan(image, inputs, upstream).description;

/** The steps of which there is a whole note, which is written last. */
async function stepsIn(folder: string): Promise<number[]> {
  const names = await readdir(folder).catch(() => []);
  return names
    .flatMap((name) => (/^[1-9]\d{0,3}\.json$/.test(name) ? [Number.parseInt(name)] : []))
    .sort((a, b) => a - b);
}
