import type { DescriptionOf, ResultOf } from "../plan/stages/contract";
import { base, DISK } from "../plan/stages/base";
import type { image } from "../plan/stages/image";
import { point, POINT, pointsOf } from "../plan/stages/point";
import type { ArtifactStore } from "./artifactStore";
import type { Manifest } from "./manifest";

/** A file of a chain, see `below` of a point's result. */
export type ChainFile = ResultOf<typeof point>["below"][number];

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
  /** The chain of the last good one, itself included; none where the build begins with the base. */
  readonly chain: readonly KeptPoint[];
  /** Why points that are there are not used, a sentence each. */
  readonly unused: readonly string[];
}

/** The base's file, as the points on it name it. */
export const baseFile = ({ key, files }: Manifest): ChainFile =>
  fileOf(base.stage, { key, files }, DISK);

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
 * @param installed manifest of the base
 */
export async function findPoints(
  store: ArtifactStore,
  built: DescriptionOf<typeof image>,
  installed: Manifest,
): Promise<KeptPoints> {
  const whole = new Map<string, KeptPoint | undefined>([[nameOf(baseFile(installed)), undefined]]);
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
    const result = point.result.safeParse(found.manifest.result);
    if (!result.success || !result.data.below.every((file) => whole.has(nameOf(file)))) {
      unused.push(`${why}: what it lies on is not there any more`);
      continue;
    }
    const file = pointFile(found.manifest);
    const below = result.data.below.flatMap((one) => whole.get(nameOf(one)) ?? []);
    const kept = { step, key, qemu: result.data.qemu, file };
    whole.set(nameOf(file), kept);
    chain = [...below, kept];
  }
  return { chain, unused };
}

const nameOf = ({ stage, key, sha256 }: ChainFile) => `${stage}-${key}-${sha256}`;
