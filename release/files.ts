import { mkdir } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { dirname, join } from "node:path";

import type { Artifact } from "../store/artifactStore";
import { copyVerified, type CopySource } from "./verifiedCopy";
import { nameBeside, type Renamed } from "../plan/fileNames";
import { evidenceName } from "./layout";
import { IMAGE, REMOVED } from "../plan/stages/image";

/** A file of the store that is released. */
export interface Released extends CopySource {
  /** Relative to PATH/output. */
  readonly name: string;
  readonly bytes: number;
}

/**
 * Everything that a release takes from the store: the image, its conversions, and the evidence of image, check and smoke.
 *
 * @param conversions each with the names of its disk
 */
export function releasedFiles(
  [image, imageName]: readonly [Artifact, string],
  conversions: readonly (readonly [Artifact, Renamed])[],
  evidence: readonly Artifact[],
): Released[] {
  return [
    { ...take(image, IMAGE), name: imageName },
    ...conversions.flatMap(([one, renamed]) =>
      one.manifest.files.map(({ path }) => ({
        ...take(one, path),
        name: nameBeside(path, renamed),
      })),
    ),
    { ...take(image, REMOVED), name: evidenceName("image", REMOVED) },
    ...evidence.flatMap((one) =>
      one.manifest.files.map(({ path }) => ({
        ...take(one, path),
        name: evidenceName(one.manifest.stage, path),
      })),
    ),
  ];
}

function take({ folder, manifest }: Artifact, path: string): Omit<Released, "name"> {
  const record = manifest.files.find((file) => file.path === path);
  if (!record) throw new Error(`stage ${manifest.stage} left no ${path}`);
  const { sha256, bytes } = record;
  return { from: join(folder, path), sha256, bytes };
}

/**
 * Copies the files into a folder, as many at once as there are processors.
 *
 * @throws StageFailure where a copy fails, or the run was interrupted
 */
export async function copyFiles(
  files: readonly Released[],
  folder: string,
  signal: AbortSignal,
): Promise<void> {
  // the large ones first, so that no processor is left with the last of them
  const waiting = files.toSorted((a, b) => b.bytes - a.bytes);
  const work = async () => {
    for (let file = waiting.shift(); file; file = waiting.shift()) {
      const to = join(folder, file.name);
      await mkdir(dirname(to), { recursive: true });
      await copyVerified(file, to, "the setting's path", signal);
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
}
