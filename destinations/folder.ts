import { mkdir, readdir, rename } from "node:fs/promises";
import { dirname, join } from "node:path";

import { listFolders, syncPath } from "../host/files";
import { StageFailure } from "../host/failure";
import { HeldFolder } from "../host/heldFolder";
import { displayPath } from "../host/project";
import { withIncoming } from "../release/incoming";
import { copyVerified } from "../release/verifiedCopy";
import type { Destination, PublishedFile } from "./destination";

/** A folder in which each version is a folder. */
export class FolderDestination implements Destination {
  readonly hasFolders = true;

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
    await withIncoming(place, async ({ folder: held, name, parent }) => {
      const incoming = held.path();
      for (const file of files) {
        const to = join(incoming, file.name);
        await mkdir(dirname(to), { recursive: true });
        await copyVerified(file, to, "the publication's folder", this.signal);
        await syncPath(to);
      }
      for (const folder of await listFolders(incoming)) await syncPath(join(incoming, folder));
      await syncPath(incoming);
      // a version of that name whose files were altered is replaced
      const left = await parent.removeFolder(version);
      if (left) throw new StageFailure(`${displayPath(target)} cannot be replaced: ${left}`);
      await rename(parent.path(name), parent.path(version));
      await parent.sync();
    });
    return Object.fromEntries(files.map(({ name }) => [name, join(target, name)]));
  }

  async remove(version: string): Promise<string | undefined> {
    const held = await HeldFolder.open(this.folder);
    try {
      return await held.removeFolder(version);
    } finally {
      await held.close();
    }
  }
}
