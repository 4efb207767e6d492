import { chmodSync, mkdirSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { planImage } from "../plan/imagePlan";
import { plan, type InputsOf } from "../plan/stages/contract";
import { image } from "../plan/stages/image";
import { pointsOf } from "../plan/stages/point";
import type { StageContext } from "../run/stage";
import { Points } from "../stages/image/points";
import type { Artifact } from "../store/artifactStore";
import { findPoints, type KeptPoints } from "../store/pointChain";
import { digest, sampleFiles, sampleSpec } from "./samples";
import { ownerOf } from "./stacks";
import { TemporaryStore } from "./temporaryStore";

export type ImageInputs = InputsOf<typeof image>;

export const planned = planImage(sampleSpec, sampleFiles, null);

const script = (text: string): ImageInputs["steps"][number] => ({
  ...{ kind: "script", script: digest(text), args: [], variables: {} },
  secrets: text === "9" ? ["TOKEN"] : [],
});

/** An image whose steps are scripts, each named by one character; step 9 sees a secret. */
export const imageOf = (steps: string, change: Partial<ImageInputs> = {}) =>
  plan(
    image,
    { ...planned.image.description.inputs, steps: [...steps].map(script), ...change },
    planned.image.description.upstream,
  ).description;

/** A stage of an image, as far as its points are concerned. */
interface PointStage {
  readonly of: Points;
  readonly work: string;
  /** Leaves a point as build_image.py does; `below`: the steps whose points it lies on. */
  take(step: number, below: readonly number[], content?: string): void;
  /** Runs it to its end, when nothing more is taken. */
  end(): Promise<void>;
}

/** A store with an installed base, in which images are built step by step without a guest. */
export class PointStore {
  readonly at = new TemporaryStore();
  /** What the stages have told. */
  readonly lines: string[] = [];
  base!: Artifact;

  /** Lays the base, or another one in its place. */
  async install(content = "the base"): Promise<void> {
    this.base = await this.at.publish({ "disk.qcow2": content }, planned.base.description);
  }

  found(steps: string): Promise<KeptPoints> {
    return findPoints(this.at.store, imageOf(steps), this.base.manifest);
  }

  /** After which steps there are points for an image of these steps to go on from. */
  async stepsOf(steps: string): Promise<number[]> {
    return (await this.found(steps)).chain.map(({ step }) => step);
  }

  async stage(
    steps: string,
    { points = 2 ** 30, rebuild = false, privileged = false, token = "a token" } = {},
  ): Promise<PointStage> {
    const { at, lines } = this;
    const { inputs, upstream } = imageOf(steps);
    const work = at.place.workFolder("image", digest("f"));
    rmSync(work, { recursive: true, force: true });
    mkdirSync(join(work, "points"), { recursive: true });
    const titles = [...steps].map((name) => ({ title: `${name}.sh` }));
    const context = {
      ...{ inputs, upstream, work, store: at.store, rebuild, owner: ownerOf(at.home, "dev") },
      ...{ key: plan(image, inputs, upstream).key, secrets: { step_TOKEN: token } },
      request: { points, steps: titles, privileged },
      detail: (line: string) => lines.push(line),
    } as unknown as StageContext<typeof image>;
    const of = await Points.of(context, this.base);
    return {
      ...{ of, work },
      take(step, below, content = `after ${step} of ${steps}`) {
        writeFileSync(join(work, `points/${step}.qcow2`), content);
        writeFileSync(
          join(work, `points/${step}.json`),
          JSON.stringify({ below, qemu: "7.2.22", seconds: 2 }),
        );
      },
      end: () => of.publishDuring(() => Promise.resolve()),
    };
  }

  /** Builds an image of these steps, each of which takes a point, from the last one that there is. */
  async build(steps: string, until = steps.length): Promise<Points> {
    const { of, take, end } = await this.stage(steps);
    const below = (of.settings?.from ?? []).map(({ step }) => step);
    for (let step = (below.at(-1) ?? 0) + 1; step <= until; step++) {
      take(step, below);
      below.push(step);
    }
    await end();
    return of;
  }

  folderOf(steps: string, step: number): string {
    return join(this.at.home, "store", `point-${pointsOf(imageOf(steps))[step - 1]!.key}`);
  }

  /** Makes a file of a point another one, as no program of kragle's ever does. */
  damage(steps: string, step: number): void {
    const file = join(this.folderOf(steps, step), "disk.qcow2");
    chmodSync(file, 0o644);
    truncateSync(file, 3);
  }
}
