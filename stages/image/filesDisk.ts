import { createHash } from "node:crypto";
import { createReadStream, createWriteStream } from "node:fs";
import { stat, truncate, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { Transform } from "node:stream";
import { pipeline } from "node:stream/promises";

import { pack, type Pack } from "tar-stream";

import { StageFailure } from "../../host/failure";
import { displayPath } from "../../host/project";
import type { Step } from "../../plan/steps";

type FileCopy = Extract<Step, { kind: "files" }>["files"][number];

/** Archives begin at whole MiB of the disk. */
const UNIT = 2 ** 20;

/**
 * Writes a disk on which the guest finds the files of its steps: tar archives, one behind the other, with the names and modes that the
 * files have in the guest. Folders are not in them, see {@link foldersOf}.
 *
 * @param path of the disk's file
 * @param copies each with where its files lie, absolute
 * @returns where each archive begins, in MiB
 * @throws StageFailure where a file is no longer what was planned
 */
export async function writeFilesDisk(
  path: string,
  copies: readonly (FileCopy & { readonly source: string })[],
): Promise<number[]> {
  await writeFile(path, "", { mode: 0o644 });
  const offsets: number[] = [];
  let end = 0;
  for (const copy of copies) {
    offsets.push(end);
    const archive = pack();
    const target = createWriteStream(path, { flags: "r+", start: end * UNIT, highWaterMark: UNIT });
    await Promise.all([pipeline(archive, target), fill(archive, copy)]);
    end = Math.ceil((await stat(path)).size / UNIT);
    await truncate(path, end * UNIT);
  }
  return offsets;
}

async function fill(archive: Pack, { content, to, mode, source }: FileCopy & { source: string }) {
  try {
    for (const [name, planned] of Object.entries(content)) {
      if (planned === "folder") continue;
      const inGuest = join(to, name).replace(/^\/+|\/$/g, "");
      if (planned.startsWith("-> ")) {
        archive.entry({ name: inGuest, type: "symlink", linkname: planned.slice(3) });
        continue;
      }
      const file = join(source, name);
      const { size } = await stat(file).catch(() => ({ size: 0 }));
      const executable = planned.endsWith("+x");
      const header = { name: inGuest, size, mode: modeOf(mode, executable) };
      const hash = createHash("sha256");
      const read = new Transform({
        transform(chunk: Buffer, _, done) {
          hash.update(chunk);
          done(null, chunk);
        },
      });
      const range = size > 0 ? { start: 0, end: size - 1 } : {};
      const content = createReadStream(file, { ...range, highWaterMark: UNIT });
      // as many bytes as the archive was told of, whatever becomes of the file meanwhile
      const whole = await pipeline(content, read, archive.entry(header)).then(
        () => true,
        () => false,
      );
      if (!whole || hash.digest("hex") + (executable ? "+x" : "") !== planned) throw changed(file);
    }
    archive.finalize();
  } catch (error) {
    archive.destroy(error as Error);
    throw error;
  }
}

const modeOf = (mode: string | null, executable: boolean) =>
  mode === null ? (executable ? 0o755 : 0o644) : Number.parseInt(mode, 8);

const changed = (file: string) =>
  new StageFailure(`${displayPath(file)} was changed or deleted after this run had been planned`, {
    hint: "run the same command again, which plans with the files as they are now",
  });

/** A folder that is to be in the guest. One that is there already stays as it is. */
export interface GuestFolder {
  readonly path: string;
  readonly mode: string;
  readonly owner: string;
}

/** The folders of copies, each behind the one that it is in: those that lead to a copy belong to root, those of its own to its owner. */
export function foldersOf(copies: readonly FileCopy[]): GuestFolder[] {
  const folders = new Map<string, GuestFolder>();
  for (const { content, to, mode, owner } of copies) {
    const own = Object.keys(content).filter((name) => content[name] === "folder");
    const parents = join(to, "..").split("/").filter(Boolean);
    parents.forEach((_, index) => {
      const path = `/${parents.slice(0, index + 1).join("/")}`;
      if (!folders.has(path)) folders.set(path, { path, mode: "0755", owner: "root:root" });
    });
    for (const name of own) {
      const path = join(to, name).replace(/(.)\/$/, "$1");
      if (path !== "/") folders.set(path, { path, mode: folderMode(mode), owner });
    }
  }
  return [...folders.values()];
}

/** Whoever may read the files may enter their folder. */
function folderMode(mode: string | null): string {
  if (mode === null) return "0755";
  const bits = Number.parseInt(mode, 8);
  return (bits | ((bits & 0o444) >> 2)).toString(8).padStart(4, "0");
}
