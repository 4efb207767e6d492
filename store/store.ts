import { randomUUID } from "node:crypto";
import { existsSync, linkSync, mkdirSync, readFileSync, unlinkSync, writeFileSync } from "node:fs";
import { chmod, chown, mkdir, readdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

import { recordFile } from "./fileRecord";
import { listFiles, listFolders, syncPath } from "../host/files";
import { type LockOptions, lockFile } from "../host/lock";
import { encodeManifest, MANIFEST, type Manifest, readManifest } from "./manifest";
import { VerifiedFiles } from "./verified";

export interface Artifact {
  readonly folder: string;
  readonly manifest: Manifest;
}

export type Lookup =
  | { readonly state: "present"; readonly artifact: Artifact }
  | { readonly state: "missing" }
  | { readonly state: "damaged"; readonly reason: string };

/** What a stage hands over when it is done; the store adds the digests. */
export interface Finished {
  readonly manifest: Omit<Manifest, "format" | "publishedAt" | "files" | "external">;
  /** Files that the stage laid down outside of the store: path as in `FileRecord`, and digest where the stage has just computed it. */
  readonly external?: readonly { readonly path: string; readonly sha256?: string }[];
}

/** What a stage needs is not there; for the user a message, not a stack trace. */
export class ArtifactUnavailable extends Error {}

/**
 * Content-addressed artifacts in `.kragle/store/<stage>-<key>/`. An artifact appears by one rename of its finished, synced
 * folder, and is never changed afterwards.
 */
export class Store {
  /** Tells this store's containers from those of other clones. */
  readonly id: string;
  private readonly verified: VerifiedFiles;

  /**
   * @param home the `.kragle` folder; made where it is absent
   * @param project the folder from which relative paths of released files lead; clones that share a store each have their own
   */
  constructor(
    readonly home: string,
    private readonly project = dirname(home),
  ) {
    this.verified = new VerifiedFiles(join(home, "verified"));
    const idFile = join(home, "id");
    if (!existsSync(idFile)) {
      mkdirSync(home, { recursive: true });
      const fresh = `${idFile}.${process.pid}`;
      writeFileSync(fresh, randomUUID(), { flush: true });
      // a link fails where another first run was quicker; a rename would take its id away
      try {
        linkSync(fresh, idFile);
      } catch (error) {
        if ((error as NodeJS.ErrnoException).code !== "EEXIST") throw error;
      }
      unlinkSync(fresh);
    }
    this.id = readFileSync(idFile, "utf8").trim();
  }

  folder(stage: string, key: string): string {
    return join(this.home, "store", `${stage}-${key}`);
  }

  /** Where a stage works until it is published; only the holder of the stage's lock uses it. */
  workFolder(stage: string, key: string): string {
    return join(this.home, "work", `${stage}-${key}`);
  }

  /** Where the evidence of the last failure of a stage is kept. */
  failedFolder(stage: string, key: string): string {
    return join(this.home, "failed", `${stage}-${key}`);
  }

  /** Looks whether an artifact is there and whole. Milliseconds, unless a file's time or inode makes it look at the content. */
  async lookup(stage: string, key: string): Promise<Lookup> {
    const folder = this.folder(stage, key);
    if (!existsSync(folder)) return { state: "missing" };
    let manifest: Manifest;
    try {
      manifest = await readManifest(folder);
      if (manifest.stage !== stage || manifest.key !== key) throw new Error("it is another's");
    } catch (error) {
      return { state: "damaged", reason: `manifest: ${(error as Error).message}` };
    }
    for (const record of manifest.files) {
      if (!(await this.verified.isIntact(join(folder, record.path), record))) {
        return { state: "damaged", reason: `${record.path} is missing or altered` };
      }
    }
    for (const record of manifest.external) {
      if (!(await this.verified.isIntact(resolve(this.project, record.path), record))) {
        return { state: "damaged", reason: `${record.path} is missing or altered` };
      }
    }
    return { state: "present", artifact: { folder, manifest } };
  }

  /** @throws Error where the artifact is not there or not whole */
  async artifact(stage: string, key: string): Promise<Artifact> {
    const found = await this.lookup(stage, key);
    if (found.state === "present") return found.artifact;
    const why = found.state === "damaged" ? `damaged (${found.reason})` : "not in the store";
    throw new ArtifactUnavailable(
      `the result of stage ${stage} is ${why}; run the command again to rebuild it`,
    );
  }

  /** The manifests of every artifact of a stage; unreadable ones are left out. */
  async manifests(stage: string): Promise<Manifest[]> {
    const names = await readdir(join(this.home, "store")).catch(() => []);
    const found = names.filter(
      (name) => name.startsWith(`${stage}-`) && name.length === stage.length + 65,
    );
    const read = await Promise.allSettled(
      found.map((n) => readManifest(join(this.home, "store", n))),
    );
    return read.flatMap((r) => (r.status === "fulfilled" ? [r.value] : []));
  }

  /** Takes the lock of one stage and key: two runs never build the same thing at once. */
  lockStage(stage: string, key: string, options: LockOptions): Promise<() => Promise<void>> {
    return lockFile(join(this.home, "locks", `${stage}-${key}`), options);
  }

  /** Shared by running stages, exclusive for garbage collection. */
  lockStore(options: LockOptions): Promise<() => Promise<void>> {
    return lockFile(join(this.home, "locks", "store"), options);
  }

  /**
   * Publishes the work folder: digests, modes, fsync, then ONE rename. A damaged or replaced artifact is moved away first.
   * `logs/` goes along without digests: evidence, not content.
   */
  async publish(stage: string, key: string, finished: Finished): Promise<Artifact> {
    const work = this.workFolder(stage, key);
    const folder = this.folder(stage, key);
    await rm(join(work, MANIFEST), { force: true });
    const names = await listFiles(work);
    const files = [];
    for (const name of names) {
      const path = join(work, name);
      await settle(path, 0o444);
      await syncPath(path);
      if (!name.startsWith("logs/")) files.push(await recordFile(path, name));
    }
    const external = [];
    for (const { path, sha256 } of finished.external ?? []) {
      external.push(await recordFile(resolve(this.project, path), path, sha256));
    }
    const manifest: Manifest = {
      format: 1,
      ...finished.manifest,
      publishedAt: new Date().toISOString(),
      files,
      external,
    };
    const manifestFile = join(work, MANIFEST);
    await writeFile(manifestFile, encodeManifest(manifest));
    await settle(manifestFile, 0o444);
    await syncPath(manifestFile);
    for (const name of [...(await listFolders(work)), "."]) {
      await settle(join(work, name), 0o755);
      await syncPath(join(work, name));
    }
    await mkdir(dirname(folder), { recursive: true });
    await this.discard(folder);
    await rename(work, folder);
    await syncPath(dirname(folder));
    return { folder, manifest };
  }

  /** Takes a folder out of sight by one rename, then deletes it. */
  async discard(folder: string): Promise<void> {
    if (!existsSync(folder)) return;
    const trash = join(this.home, "trash", randomUUID());
    await mkdir(dirname(trash), { recursive: true });
    await rename(folder, trash);
    await rm(trash, { recursive: true, force: true });
  }
}

/** A published file belongs to the caller and is readable whatever the umask; containers read it under another uid. */
async function settle(path: string, mode: number): Promise<void> {
  if (process.getuid!() === 0) await chown(path, 0, 0);
  await chmod(path, mode);
}
