import { createHash } from "node:crypto";

import { StageFailure } from "../host/failure";
import { Virsh } from "../host/virsh";
import type { Destination, PublishedFile } from "./destination";

/**
 * A libvirt storage pool, on this machine or another, in which each file of a version is a volume `<version>.<name>`. A pool has no
 * folders.
 */
export class LibvirtPool implements Destination {
  readonly hasFolders = false;
  private readonly connection: Virsh;

  constructor(
    uri: string,
    private readonly pool: string,
  ) {
    this.connection = new Virsh(uri);
  }

  async list(): Promise<string[]> {
    return [...new Set((await this.volumes()).map((volume) => volume.replace(/\..*$/s, "")))];
  }

  async put(version: string, files: readonly PublishedFile[]): Promise<Record<string, string>> {
    await this.remove(version);
    const paths: Record<string, string> = {};
    try {
      for (const file of files)
        paths[file.name] = await this.upload(`${version}.${file.name}`, file);
    } catch (error) {
      // a volume is visible to others from the start, so what is not whole must go
      await this.remove(version).catch(() => undefined);
      throw error;
    }
    return paths;
  }

  async remove(version: string): Promise<undefined> {
    for (const volume of await this.volumes()) {
      if (volume.startsWith(`${version}.`)) await this.virsh("vol-delete", volume);
    }
  }

  private async volumes(): Promise<string[]> {
    const table = await this.virsh("vol-list");
    return table
      .split("\n")
      .map((line) => line.trim().split(/\s+/)[0]!)
      .filter(Boolean);
  }

  private async upload(volume: string, { from, bytes, sha256 }: PublishedFile): Promise<string> {
    // as raw: the volume then takes exactly the file's bytes; the refresh below makes libvirt see the real format
    await this.virsh("vol-create-as", volume, `${bytes}`, "--allocation", "0", "--format", "raw");
    await this.virsh("vol-upload", volume, from, "--sparse");
    await this.run("pool-refresh", this.pool);
    const found = await this.digest(volume);
    if (found !== sha256) {
      throw new StageFailure(`volume ${volume} is not what was released: its SHA-256 is ${found}`);
    }
    return this.virsh("vol-path", volume);
  }

  private async digest(volume: string): Promise<string> {
    const hash = createHash("sha256");
    await this.connection
      .download(this.pool, volume, (chunk) => hash.update(chunk))
      .catch(explained("vol-download"));
    return hash.digest("hex");
  }

  /** A virsh command about the pool, or about one of its volumes. */
  private virsh(command: string, volume?: string, ...args: string[]): Promise<string> {
    const named = volume === undefined ? [] : [NAMES[command] ?? "--vol", volume];
    return this.run(command, "--pool", this.pool, ...named, ...args);
  }

  private run(command: string, ...args: string[]): Promise<string> {
    return this.connection.run(command, ...args).catch(explained(command));
  }
}

const NAMES: Readonly<Record<string, string>> = { "vol-create-as": "--name" };

const explained = (command: string) => (error: Error) => {
  if (error instanceof StageFailure) throw error;
  throw new StageFailure(`virsh ${command} failed: ${error.message}`, {
    hint: "see that the pool exists, is active and has free space: virsh pool-list --all --details",
  });
};
