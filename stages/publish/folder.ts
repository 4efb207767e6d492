import { access, constants, mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { syncPath } from "../../store/files";
import { EXIT, StageFailure } from "../failure";
import { copyVerified } from "../verifiedCopy";
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
      for (const file of files) {
        await copyVerified(file, join(incoming, file.name), "the publication's folder");
        await syncPath(join(incoming, file.name));
      }
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
