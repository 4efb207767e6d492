import { execFile } from "node:child_process";
import { access, constants, mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";

import { sha256File, syncPath } from "../../store/files";
import { EXIT, StageFailure } from "../failure";
import type { Destination, PublishedFile } from "./destination";

/** A folder in which each version is a folder, with a list of digests that `sha256sum --check` understands. */
export class FolderDestination implements Destination {
  constructor(private readonly folder: string) {}

  async list(): Promise<string[]> {
    const entries = await readdir(this.folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  }

  async put(version: string, files: readonly PublishedFile[]): Promise<Record<string, string>> {
    await this.requireFolder();
    const incoming = join(this.folder, `.incoming-${version}`);
    const place = join(this.folder, version);
    await rm(incoming, { recursive: true, force: true });
    await mkdir(incoming, { mode: 0o755 });
    try {
      for (const file of files) await copy(file, join(incoming, file.name));
      const sums = files.map(({ sha256, name }) => `${sha256} *${name}\n`).join("");
      await writeFile(join(incoming, "SHA256SUMS"), sums, { flush: true });
      await syncPath(incoming);
      // an altered version of that name makes room
      await rm(place, { recursive: true, force: true });
      await rename(incoming, place);
      await syncPath(this.folder);
    } finally {
      await rm(incoming, { recursive: true, force: true });
    }
    return Object.fromEntries(files.map(({ name }) => [name, join(place, name)]));
  }

  async remove(version: string): Promise<void> {
    await rm(join(this.folder, version), { recursive: true, force: true });
  }

  private async requireFolder(): Promise<void> {
    try {
      await mkdir(this.folder, { recursive: true });
      await access(this.folder, constants.W_OK);
    } catch (error) {
      throw new StageFailure(`${this.folder}: ${(error as Error).message}`, {
        hint: "the publication must name a folder that can be written",
        exitCode: EXIT.lacking,
      });
    }
  }
}

async function copy({ name, from, sha256 }: PublishedFile, to: string): Promise<void> {
  await promisify(execFile)("cp", ["--reflink=auto", "--sparse=always", "--", from, to]).catch(
    (error: Error & { stderr?: string }) => {
      throw new StageFailure(
        `publishing ${name} failed: ${error.stderr?.trim() || error.message}`,
        {
          hint: "make room on the disk that holds the publication's folder, then run the same command again",
        },
      );
    },
  );
  await syncPath(to);
  if ((await sha256File(to)) === sha256) return;
  throw new StageFailure(`the published ${name} is not what was released`, {
    hint: "if ./kragle verify finds nothing, the disk or the memory of this machine may be failing",
  });
}
