import { execFile } from "node:child_process";
import { mkdir } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { basename, dirname, join } from "node:path";
import { promisify } from "node:util";

import { sha256File } from "../../store/files";
import type { Artifact } from "../../store/store";
import { StageFailure } from "../failure";
import { IMAGE_NAME } from "./layout";

/** A file of the store that is released. */
export interface Released {
  /** Relative to PATH/output. */
  readonly name: string;
  readonly from: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** Everything that a release takes from the store: the image, its conversions, and the evidence of check and smoke. */
export function releasedFiles(
  image: Artifact,
  conversions: readonly Artifact[],
  evidence: readonly Artifact[],
): Released[] {
  return [
    { ...take(image, "image.qcow2"), name: IMAGE_NAME },
    ...conversions.flatMap((one) => one.manifest.files.map(({ path }) => take(one, path))),
    ...evidence.flatMap((one) =>
      one.manifest.files.map(({ path }) => ({
        ...take(one, path),
        name: `evidence/${one.manifest.stage}/${path}`,
      })),
    ),
  ];
}

function take({ folder, manifest }: Artifact, path: string): Released {
  const record = manifest.files.find((file) => file.path === path);
  if (!record) throw new Error(`stage ${manifest.stage} left no ${path}`);
  const { sha256, bytes } = record;
  return { name: basename(path), from: join(folder, path), sha256, bytes };
}

/** Copies the files into a folder, as many at once as there are processors. */
export async function copyFiles(files: readonly Released[], folder: string): Promise<void> {
  // the large ones first, so that no processor is left with the last of them
  const waiting = files.toSorted((a, b) => b.bytes - a.bytes);
  const work = async () => {
    for (let file = waiting.shift(); file; file = waiting.shift()) {
      await copyFile(file, join(folder, file.name));
    }
  };
  await Promise.all(Array.from({ length: availableParallelism() }, work));
}

/** Copies without sharing an inode with the store, keeps holes, and proves that the copy is what the store holds. */
async function copyFile({ from, name, sha256 }: Released, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await promisify(execFile)("cp", ["--reflink=auto", "--sparse=always", "--", from, to]).catch(
    (error: Error & { stderr?: string }) => {
      throw new StageFailure(`copying ${name} failed: ${error.stderr?.trim() || error.message}`, {
        hint: "make room on the disk that holds the setting's path, then run the same command again",
      });
    },
  );
  await promisify(execFile)("chmod", ["0644", "--", to]);
  if ((await sha256File(to)) !== sha256) {
    throw new StageFailure(`the copy of ${name} differs from the store's file`, {
      hint: "the disk or the memory of this machine may be failing",
    });
  }
}
