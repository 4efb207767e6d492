import { createHash } from "node:crypto";
import { once } from "node:events";
import { readdirSync, readFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import { join } from "node:path";

import type * as releaseModule from "../stages/release/release";
import type * as stageModule from "../run/stage";
import { freshly } from "./freshProgram";
import { TemporaryStore } from "./temporaryStore";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");

/** Docker's id of the builder. */
export const BUILDER_ID = `sha256:${sha256("builder")}`;

const BOOTED = { passed: true, driver: "qemu", seconds: { login: 38.2 } };

export interface ReleaseExtras {
  /** What the smoke stage says. */
  readonly booted?: Record<string, unknown>;
  readonly signKey?: string | null;
  readonly signer?: string | null;
  /** Name and version of each. */
  readonly packages?: readonly string[];
}

/** What the check stage leaves of an image with these packages. */
function samplePackages(packages: readonly string[]): string {
  const entries = packages.map((text) => {
    const [name, version] = text.split(" ") as [string, string];
    const own = { name, version, architecture: "amd64", source: name, sourceVersion: version };
    return { ...own, license: null, homepage: null, installedBytes: 1024 };
  });
  const distribution = { id: "debian", versionId: "12", prettyName: "Debian 12" };
  return JSON.stringify({ distribution, ecosystem: "deb", packages: entries });
}

/** A store, a folder to release to, and as much of a Docker daemon as the release stage asks: the id of an image. */
export class ReleasePlace {
  readonly at = new TemporaryStore();
  readonly path = join(this.at.home, "../PATH of tests");
  readonly output = join(this.path, "output");
  /** What the daemon answers; nothing where it does not know the image. */
  imageId: string | undefined = BUILDER_ID;
  private readonly daemon: Server = createServer((request, response) => {
    const known = this.imageId !== undefined && request.url === "/images/kragle-tools:1/json";
    response.statusCode = known ? 200 : 404;
    response.setHeader("content-type", "application/json");
    response.end(JSON.stringify(known ? { Id: this.imageId } : { message: "no such image" }));
  });
  private readonly socket = join(this.at.home, "docker.sock");
  private readonly modules = freshly({ DOCKER_HOST: `unix://${this.socket}` }, () => ({
    ...(require("../stages/release/release") as typeof releaseModule),
    ...(require("../run/stage") as typeof stageModule),
  }));

  async open(): Promise<void> {
    await once(this.daemon.listen(this.socket), "listening");
  }

  async close(): Promise<void> {
    this.at.remove();
    this.daemon.close();
    await once(this.daemon, "close");
  }

  private async publish(
    stage: string,
    variant: string,
    files: Record<string, string>,
    result: Record<string, unknown> = {},
  ): Promise<string> {
    const description = this.at.describe(variant, stage);
    return (await this.at.publish(files, description, { result })).key;
  }

  /** Publishes an image of this content with its conversions and evidence, and runs the release stage for it. */
  async release(
    image: string,
    formats: readonly string[] = ["raw"],
    smoke = true,
    {
      signKey = null,
      signer = null,
      packages = ["bash 5.2-2"],
      booted = BOOTED,
    }: ReleaseExtras = {},
  ) {
    const built = { "image.qcow2": image, "image.json": "{}" };
    const key = await this.publish("image", image, built, { accelerator: "tcg" });
    const conversions = [];
    for (const format of formats) {
      const fileName = `kragle.${format}`;
      const converted = { [fileName]: `${image} as ${format}` };
      const conversion = await this.publish("convert", `${image}${format}`, converted);
      conversions.push({ name: format, format, fileName, key: conversion });
    }
    const found = {
      "check.json": JSON.stringify({ passed: true, rules: [] }),
      "deep/x": "y",
      "packages.json": samplePackages(packages),
      "logs/stage.log": "",
    };
    const settings = {
      stack: "dev",
      signKey,
      signer,
      parameters: { diskSize: "4 GiB", rhsmPassword: "[MASKED]" },
      baseImage: "debian:bookworm-slim",
      builder: {
        ...this.at.describe("builder", "builder"),
        inputs: { Dockerfile: sha256("FROM") },
      },
      toolsImage: "kragle-tools:1",
      path: this.path,
      image: { key, sha256: sha256(image) },
      virtualBytes: 2 ** 32,
      checkKey: await this.publish("check", image, found),
      conversions,
      smokeKey: smoke ? await this.publish("smoke", image, { "screen.png": "PNG" }, booted) : null,
    };
    const variant = `${image}${formats.join()}${smoke}${signer}`;
    const description = this.at.describe(variant, "release");
    return this.modules.runStage(this.modules.release, {
      store: this.at.store,
      request: { stack: "dev", root: "release", description, settings },
      marker: undefined,
      secrets: {},
      print: () => undefined,
      signal: new AbortController().signal,
    });
  }

  /** Everything under PATH/output. */
  names(): string[] {
    return (readdirSync(this.output, { recursive: true }) as string[]).sort();
  }

  read(name: string): string {
    return readFileSync(join(this.output, name), "utf8");
  }
}
