import { createHash, randomUUID } from "node:crypto";
import { existsSync } from "node:fs";
import { chmod, mkdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import canonicalize from "canonicalize";

import { StageFailure } from "../host/failure";
import { contentDigest, type FileContent, readContent } from "../host/fileDigest";
import { listFiles, listFolders } from "../host/files";
import { displayPath } from "../host/project";
import type { Workplace } from "./workplace";

/** A small file of a bundle: a program, a script, a part of a template. */
export interface BundleFile {
  /** Its place in the bundle. */
  readonly at: string;
  /** Absolute; links are followed. */
  readonly source: string;
  /** What it was when the run was planned, see contentDigest; absent where that does not matter. */
  readonly digest?: string;
}

/** Where bundles lie, each named by its content. */
export const bundlesFolder = (home: string) => join(home, "bundles");

/**
 * Copies small files into a folder that is named by their content and never changed: a container that reads it sees the files as they
 * were planned, whatever becomes of the checkout, its links and its modes meanwhile. One that is there and whole is taken.
 *
 * @returns the folder's absolute path; every user of a container may read it
 * @throws StageFailure where a file is no longer what was planned
 */
export async function makeBundle(place: Workplace, files: readonly BundleFile[]): Promise<string> {
  const contents = new Map(files.map((file) => [file.at, readPlanned(file)]));
  const folder = join(bundlesFolder(place.home), nameOf(contents));
  if (await isWhole(folder, contents)) return folder;
  await place.discard(folder);
  // a container gets its own bundle only, whatever lies above
  await place.provide("bundles");
  const fresh = join(dirname(folder), `.${randomUUID()}`);
  for (const [at, { bytes, executable }] of contents) {
    const path = join(fresh, at);
    await mkdir(dirname(path), { recursive: true });
    await writeFile(path, bytes);
    // a strict umask must not shut the container's user out
    await chmod(path, executable ? 0o755 : 0o644);
  }
  for (const name of [".", ...(await listFolders(fresh))]) await chmod(join(fresh, name), 0o755);
  await rename(fresh, folder).catch(async (error: NodeJS.ErrnoException) => {
    await rm(fresh, { recursive: true });
    // another run was as quick
    if (error.code !== "ENOTEMPTY" && error.code !== "EEXIST") throw error;
  });
  return folder;
}

/**
 * Reads a file as it was planned.
 *
 * @throws StageFailure where it is another one now, or gone
 */
export function readPlanned({ source, digest }: Omit<BundleFile, "at">): FileContent {
  const content = existsSync(source) ? readContent(source) : undefined;
  if (content && (digest === undefined || contentDigest(content) === digest)) return content;
  const what = content ? "changed" : "deleted";
  throw new StageFailure(`${displayPath(source)} was ${what} after this run had been planned`, {
    hint: "run the same command again, which plans with the files as they are now",
  });
}

const digestsOf = (contents: ReadonlyMap<string, FileContent>) =>
  Object.fromEntries([...contents].map(([at, content]) => [at, contentDigest(content)]));

const nameOf = (contents: ReadonlyMap<string, FileContent>): string =>
  createHash("sha256")
    .update(canonicalize(digestsOf(contents))!)
    .digest("hex");

/** A machine that lost its power may have kept a file's name without its content. */
async function isWhole(folder: string, contents: ReadonlyMap<string, FileContent>) {
  try {
    const found = await listFiles(folder);
    return (
      nameOf(new Map(found.map((at) => [at, readContent(join(folder, at))]))) === nameOf(contents)
    );
  } catch {
    return false;
  }
}
