import { existsSync } from "node:fs";
import { chmod, chown, readdir, rename, rm, writeFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

import {
  type Artifact,
  type ArtifactStore,
  ArtifactUnavailable,
  type Finished,
  type Lookup,
} from "./artifactStore";
import { recordFile } from "./fileRecord";
import { printable } from "../host/printable";
import { claimHome } from "../host/home";
import { listFiles, listFolders, makePrivate, syncPath } from "../host/files";
import { encodeManifest, MANIFEST, type Manifest, readManifest } from "./manifest";
import { VerifiedFiles } from "./verified";
import { Workplace } from "./workplace";

/**
 * This machine's store: content-addressed artifacts in `.kragle/store/<stage>-<key>/`. An artifact appears by one rename of its
 * finished, synced folder, and is never changed afterwards.
 */
export class Store implements ArtifactStore {
  private knownId?: string;
  private readonly verified: VerifiedFiles;
  private readonly workplace: Workplace;

  /**
   * @param home the `.kragle` folder; made where it is absent, when something is written
   * @param project the folder from which relative paths of released files lead; clones that share a store each have their own
   */
  constructor(
    readonly home: string,
    private readonly project = dirname(home),
  ) {
    this.workplace = new Workplace(home);
    this.verified = new VerifiedFiles(join(home, "verified"));
  }

  get id(): string {
    return (this.knownId ??= claimHome(this.home));
  }

  /** Where an artifact lies once it is published. */
  folder(stage: string, key: string): string {
    return join(this.home, "store", `${stage}-${key}`);
  }

  async lookup(stage: string, key: string): Promise<Lookup> {
    const folder = this.folder(stage, key);
    if (!existsSync(folder)) return { state: "missing" };
    let manifest: Manifest;
    try {
      manifest = readManifest(folder);
      if (manifest.stage !== stage || manifest.key !== key) throw new Error("it is another's");
    } catch (error) {
      return { state: "damaged", reason: `manifest: ${printable((error as Error).message)}` };
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
    return { state: "present", manifest };
  }

  async artifact(stage: string, key: string): Promise<Artifact> {
    const found = await this.lookup(stage, key);
    if (found.state === "present") {
      return { folder: this.folder(stage, key), manifest: found.manifest };
    }
    const why = found.state === "damaged" ? `damaged (${found.reason})` : "not in the store";
    throw new ArtifactUnavailable(
      `the result of stage ${stage} is ${why}; run the command again to rebuild it`,
    );
  }

  async manifests(stage: string): Promise<Manifest[]> {
    const names = await readdir(join(this.home, "store")).catch(() => []);
    const found = names.filter(
      (name) => name.startsWith(`${stage}-`) && name.length === stage.length + 65,
    );
    return found.flatMap((name) => {
      try {
        return [readManifest(join(this.home, "store", name))];
      } catch {
        return [];
      }
    });
  }

  /**
   * Digests, modes, fsync, then ONE rename. A damaged or replaced artifact is moved away first.
   * `logs/` goes along without digests: evidence, not content, and for this user only, since scripts may have printed anything.
   */
  async publish(stage: string, key: string, finished: Finished): Promise<Artifact> {
    const work = this.workplace.workFolder(stage, key);
    const folder = this.folder(stage, key);
    await rm(join(work, MANIFEST), { force: true });
    const names = await listFiles(work);
    const files = [];
    for (const name of names) {
      const path = join(work, name);
      await settle(path, 0o444);
      await syncPath(path);
      if (!name.startsWith(`${LOGS}/`)) files.push(await recordFile(path, name));
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
    if (existsSync(join(work, LOGS))) await makePrivate(join(work, LOGS));
    await this.workplace.provide("store");
    await this.workplace.discard(folder);
    await rename(work, folder);
    await syncPath(dirname(folder));
    return { folder, manifest };
  }
}

const LOGS = "logs";

/** Gives a published file to this process's user and makes it readable for all: containers read it under another uid. */
async function settle(path: string, mode: number): Promise<void> {
  if (process.getuid!() === 0) await chown(path, 0, 0);
  await chmod(path, mode);
}
