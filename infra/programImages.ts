import { setTimeout as sleep } from "node:timers/promises";

import * as pulumi from "@pulumi/pulumi";

import { EXIT, StageFailure } from "../host/failure";
import { counted } from "../plan/units";
import type { PlannedImage } from "../preview/plan";
import type { OtherImage } from "../settings/imageArguments";
import type { DeclaredImage } from "./declareImage";

/** An image of a program, with everything of it declared. */
export interface ProgramImage extends OtherImage {
  readonly planned: PlannedImage;
  readonly declared: DeclaredImage;
}

/** How long an image waits for another one, in seconds: a program in another language may declare them in any order. */
const PATIENCE = 10;

/**
 * The images of one run of somebody's program, where each is declared by itself: what they have in common, and how one finds those that it
 * is made on. In the host of a plugin they come one by one, and several at a time.
 */
export class ProgramImages {
  /** Those whose declaration has begun, by name; undefined where their arguments are not known in this preview. */
  private readonly begun = new Map<string, Promise<ProgramImage | undefined>>();
  /** Those that are declared. */
  readonly known: ProgramImage[] = [];
  /** The commands that make what images have in common, by its key. */
  readonly made = new Map<string, pulumi.Resource>();
  /** Which image each one is made on. */
  private readonly below = new Map<string, string>();
  private last: Promise<unknown> = Promise.resolve();

  /**
   * Declares an image.
   *
   * @throws StageFailure where there is one of that name
   */
  async begin(
    name: string,
    declare: () => Promise<ProgramImage | undefined>,
  ): Promise<ProgramImage | undefined> {
    if (this.begun.has(name)) {
      throw wrong(`there are two images called ${name} in this program; give one another name`);
    }
    const image = declare();
    this.begun.set(name, image);
    return image;
  }

  /**
   * Waits for an image on which another one is made.
   *
   * @returns undefined where its arguments are not known in this preview
   * @throws StageFailure where there is none of that name, or it is made on the first one
   */
  async find(name: string, on: string): Promise<ProgramImage | undefined> {
    this.below.set(name, on);
    const path = [name];
    for (let next: string | undefined = on; next !== undefined; next = this.below.get(next)) {
      path.push(next);
      if (next === name) throw wrong(`${path.join(" on ")} is a circle`);
    }
    for (let waited = 0; !this.begun.has(on) && waited < PATIENCE; waited += 0.1) await sleep(100);
    const found = this.begun.get(on);
    if (found) return found;
    const others = [...this.begun.keys()].filter((other) => other !== name);
    const known = others.length > 0 ? `there are ${others.join(", ")}` : "there is no other";
    throw wrong(
      `there is no image "${on}" in this program; ${known} (waited ${counted(PATIENCE, "second")})`,
    );
  }

  /** Does something when nobody else does the like: images are planned one after the other, in the order in which they come. */
  inTurn<T>(work: () => Promise<T>): Promise<T> {
    const result = this.last.then(work);
    this.last = result.catch(() => undefined);
    return result;
  }
}

const wrong = (text: string) => new StageFailure(text, { exitCode: EXIT.wrongSettings });

const byAddress = new Map<string, ProgramImages>();
const byMonitor = new WeakMap<object, ProgramImages>();

/** Those of the program that runs now. A process may run several, one after the other or side by side: each has an engine of its own. */
export function programImages(): ProgramImages {
  const monitor = pulumi.runtime.getMonitor() as Monitor;
  const address = monitor.getChannel?.().getTarget();
  const found = address === undefined ? byMonitor.get(monitor) : byAddress.get(address);
  if (found) return found;
  const images = new ProgramImages();
  if (address === undefined) byMonitor.set(monitor, images);
  else byAddress.set(address, images);
  return images;
}

/** The engine as the SDK sees it: a client of gRPC, or a test's own. */
interface Monitor {
  getChannel?(): { getTarget(): string };
}
