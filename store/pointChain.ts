import { existsSync } from "node:fs";
import { join } from "node:path";

import type { LockOptions } from "../host/lock";
import type { StageDescription } from "../plan/description";
import { base } from "../plan/stages/base";
import type { DescriptionOf } from "../plan/stages/contract";
import { diskOf, image } from "../plan/stages/image";
import { type ChainFile, point, POINT, pointsOf } from "../plan/stages/point";
import type { ArtifactStore } from "./artifactStore";
import type { Manifest } from "./manifest";
import { Workplace } from "./workplace";

/** A point that can be gone on from. */
export interface KeptPoint {
  /** The number of its step, counting from 1. */
  readonly step: number;
  readonly key: string;
  /** The version that wrote it. */
  readonly qemu: string;
  /** The point itself, as those above it name it. */
  readonly file: ChainFile;
}

/** What a store has of the points of an image. */
export interface KeptPoints {
  /** The chain of the last good one, itself included; none where the build begins with its first step. */
  readonly chain: readonly KeptPoint[];
  /** Why points that are there are not used, a sentence each. */
  readonly unused: readonly string[];
  /** The step after which a guest did not answer that was started from its point: from it on, none are used or taken. */
  readonly silent: number | undefined;
}

/** The points that a build of this description passes; none where it is no image's. */
export function pointsPassed({ stage, version, inputs, upstream }: StageDescription) {
  const known = image.inputs.safeParse(inputs).data;
  const on = image.upstream.safeParse(upstream).data;
  if (stage !== image.stage || !known || !on) return [];
  return pointsOf({ stage, version, inputs: known, upstream: on });
}

/**
 * Deletes the points that a build has passed, those of others among them that began with the same steps. Waits for builds that go on from
 * them.
 *
 * @returns how many there were
 */
export async function deletePoints(
  { home }: ArtifactStore,
  built: StageDescription,
  waiting: Pick<LockOptions, "signal" | "onWait">,
): Promise<number> {
  const place = new Workplace(home);
  let deleted = 0;
  for (const { key } of pointsPassed(built).reverse()) {
    const folder = join(home, "store", `${point.stage}-${key}`);
    if (!existsSync(folder)) continue;
    const release = await place.lockStage(point.stage, key, waiting);
    try {
      await place.discard(folder);
    } finally {
      await release();
    }
    deleted++;
  }
  return deleted;
}

/** The file on which an image is made, a base's or another image's, as the points on it name it. */
export const lowestFile = (manifest: Manifest): ChainFile =>
  fileOf(
    manifest.stage === image.stage ? image.stage : base.stage,
    manifest,
    diskOf(manifest.stage),
  );

/** A point's file, as those above it name it. */
export const pointFile = (manifest: Manifest): ChainFile => fileOf(point.stage, manifest, POINT);

const fileOf = (
  stage: ChainFile["stage"],
  { key, files }: Pick<Manifest, "key" | "files">,
  name: string,
): ChainFile => ({ stage, key, sha256: files.find(({ path }) => path === name)!.sha256 });

/**
 * Finds the last point from which the build of an image can go on: whole, and with every file below it as it was made on.
 *
 * @param installed manifest of what the image is made on
 * @param isSame whether the secrets of the steps until then have the values that they had when a point was taken; not asked where nobody knows them,
 *   as in a preview
 */
export async function findPoints(
  store: ArtifactStore,
  built: DescriptionOf<typeof image>,
  installed: Manifest,
  isSame: (step: number, mark: string | undefined) => boolean = () => true,
): Promise<KeptPoints> {
  const whole = new Map<string, KeptPoint | undefined>([
    [nameOf(lowestFile(installed)), undefined],
  ]);
  const unused: string[] = [];
  let chain: readonly KeptPoint[] = [];
  for (const [index, { key }] of pointsOf(built).entries()) {
    const step = index + 1;
    const found = await store.lookup(point.stage, key);
    if (found.state === "missing") continue;
    const why = `the point after step ${step} is not used`;
    if (found.state === "damaged") {
      unused.push(`${why}: it is damaged (${found.reason})`);
      continue;
    }
    const told = point.result.safeParse(found.manifest.result).data;
    if (told && "silent" in told) {
      unused.push(
        `from the point after step ${step} no guest answered (${told.silent}): none is taken from that step on, until up --rebuild image`,
      );
      return { chain, unused, silent: step };
    }
    if (told && !isSame(step, told.secrets)) {
      unused.push(
        `${why}, nor any after it: secrets that the steps until then saw have other values now`,
      );
      break;
    }
    if (!told?.below.every((file) => whole.has(nameOf(file)))) {
      unused.push(`${why}: what it lies on is not there any more`);
      continue;
    }
    const file = pointFile(found.manifest);
    const below = told.below.flatMap((one) => whole.get(nameOf(one)) ?? []);
    const kept = { step, key, qemu: told.qemu, file };
    whole.set(nameOf(file), kept);
    chain = [...below, kept];
  }
  return { chain, unused, silent: undefined };
}

const nameOf = ({ stage, key, sha256 }: ChainFile) => `${stage}-${key}-${sha256}`;
