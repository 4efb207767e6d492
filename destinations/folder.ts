import { readdir, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { syncPath } from "../host/files";
import { withIncoming } from "../release/incoming";
import { copyVerified } from "../release/verifiedCopy";
import type { Destination, PublishedFile } from "./destination";

/** A folder in which each version is a folder, with a list of digests that `sha256sum --check` understands. */
export class FolderDestination implements Destination {
  constructor(
    private readonly folder: string,
    private readonly signal: AbortSignal,
  ) {}

  async list(): Promise<string[]> {
    const entries = await readdir(this.folder, { withFileTypes: true });
    return entries.filter((entry) => entry.isDirectory()).map(({ name }) => name);
  }

  async put(version: string, files: readonly PublishedFile[]): Promise<Record<string, string>> {
    const target = join(this.folder, version);
    const place = { parent: this.folder, owner: `${version}-`, namedBy: "the publication" };
    await withIncoming(place, async (incoming) => {
      for (const file of files) {
        const to = join(incoming, file.name);
        await copyVerified(file, to, "the publication's folder", this.signal);
        await syncPath(to);
      }
      const sums = files.map(({ sha256, name }) => `${sha256} *${name}\n`).join("");
      await writeFile(join(incoming, "SHA256SUMS"), sums, { flush: true });
      await syncPath(incoming);
      // a version of that name whose files were altered is replaced
      await rm(target, { recursive: true, force: true });
      await rename(incoming, target);
      await syncPath(this.folder);
    });
    return Object.fromEntries(files.map(({ name }) => [name, join(target, name)]));
  }

  async remove(version: string): Promise<void> {
    await rm(join(this.folder, version), { recursive: true, force: true });
  }
}
