import assert from "node:assert/strict";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { gzipSync } from "node:zlib";

import {
  findBuilderBase,
  isDebianImage,
  provideBuilderBase,
  releaseOf,
} from "../../executors/builderBase";
import { defaultBaseImage } from "../../setup/defaults";
import { docker, site } from "../site";
import { StageFailure } from "../../host/failure";
import { NoAnswer, pullImage, registryObstacle } from "../../executors/registry";
import { sha256 } from "../sha256";

/** A registry with one image, of one empty layer; the daemon takes one on the loopback address without TLS. */
class Registry {
  private readonly blobs = new Map<string, Buffer>();
  private readonly manifest: Buffer;
  private readonly server: Server;
  /** Answers nothing at all, as behind a firewall. */
  silent = false;

  constructor() {
    const tar = Buffer.alloc(1024);
    const config = this.add(
      Buffer.from(
        JSON.stringify({
          architecture: "amd64",
          os: "linux",
          config: {},
          rootfs: { type: "layers", diff_ids: [digest(tar)] },
        }),
      ),
    );
    const layer = this.add(gzipSync(tar));
    const type = "application/vnd.docker";
    this.manifest = Buffer.from(
      JSON.stringify({
        schemaVersion: 2,
        mediaType: `${type}.distribution.manifest.v2+json`,
        config: { mediaType: `${type}.container.image.v1+json`, ...config },
        layers: [{ mediaType: `${type}.image.rootfs.diff.tar.gzip`, ...layer }],
      }),
    );
    this.server = createServer((request, response) => {
      if (this.silent) return;
      const [, kind, reference] = /^\/v2\/here\/(manifests|blobs)\/(.+)$/.exec(request.url!) ?? [];
      const known =
        kind === "blobs"
          ? this.blobs.get(reference!)
          : kind && [digest(this.manifest), "1"].includes(reference!)
            ? this.manifest
            : undefined;
      if (request.url === "/v2/") return response.end();
      if (!known) {
        response.statusCode = 404;
        return response.end(
          JSON.stringify({ errors: [{ code: "MANIFEST_UNKNOWN", message: "manifest unknown" }] }),
        );
      }
      const mediaType =
        kind === "blobs" ? "application/octet-stream" : `${type}.distribution.manifest.v2+json`;
      response.writeHead(200, {
        "content-type": mediaType,
        "content-length": known.length,
        "docker-content-digest": digest(known),
      });
      return response.end(request.method === "HEAD" ? undefined : known);
    });
  }

  private add(blob: Buffer) {
    this.blobs.set(digest(blob), blob);
    return { size: blob.length, digest: digest(blob) };
  }

  get manifestDigest(): string {
    return digest(this.manifest);
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    return `127.0.0.1:${(this.server.address() as AddressInfo).port}`;
  }

  close(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

const digest = (bytes: Buffer) => `sha256:${sha256(bytes)}`;

describe("the base image", function () {
  this.timeout(60_000);
  const registry = new Registry();
  const pulled: string[] = [];
  const made = new Set<string>();
  let address: string;
  before(async () => (address = await registry.listen()));
  beforeEach(() => (registry.silent = false));
  after(async () => {
    registry.close();
    // removing the tag takes the image with it, whatever else it was called
    for (const image of new Set([...made, pulled[0]!])) await docker.getImage(image).remove();
  });

  const lines: string[] = [];
  const run = (reference: string) =>
    provideBuilderBase(site, { reference }, { print: (line) => lines.push(line) });
  const failure = async (reference: string) =>
    run(reference).then(
      () => assert.fail("it did not fail"),
      (error: unknown) => {
        assert.ok(error instanceof StageFailure, String(error));
        return error;
      },
    );

  it("is pulled once, by tag or by digest or both, and is present from then on", async () => {
    const byDigest = `@${registry.manifestDigest}`;
    for (const name of ["here:1", `here${byDigest}`, `here:1${byDigest}`]) {
      const reference = `${address}/${name}`;
      pulled.push(reference);
      const first = await run(reference);
      // the second reference names the image that the first has brought
      assert.equal(first.how, reference === pulled[0] ? "pulled" : "present");
      // where this machine has authorities of its own, what is made of it for them
      assert.ok(first.image === reference || first.image.startsWith("kragle-base:trusting-"));
      made.add(first.image);
      const started = Date.now();
      assert.equal((await run(reference)).how, "present");
      assert.ok(Date.now() - started < 500, "a present image takes milliseconds");
    }
    assert.ok(lines.includes("» pull base image"));
  });

  it("is refused where its digest is another than the one that was asked for", async () => {
    const other = `sha256:${"0".repeat(64)}`;
    const error = await failure(`${address}/here:1@${other}`);
    assert.match(error.message, /could not be pulled: .*(manifest|digest)/);
  });

  it("is not replaced by another one where somebody chose it and it cannot be had", async () => {
    const error = await failure(`${address}/here:unknown`);
    assert.match(error.message, /here:unknown could not be pulled: .*manifest/);
    assert.match(error.details.hint!, /the setting baseImage/);
    assert.equal(error.details.exitCode, 3);
    assert.ok(!lines.includes("» bootstrap base image"));
  });

  it("tells a registry that answers from one that does not", async () => {
    assert.equal(await registryObstacle(site, `${address}/here:1`, 5), undefined);
    assert.equal(await registryObstacle(site, `${address}/here:unknown`, 5), undefined);
    assert.match((await registryObstacle(site, "127.0.0.1:9/here:1", 5))!, /refused/);
    await assert.rejects(
      pullImage(site, "127.0.0.1:9/here:1", { print: () => undefined }),
      NoAnswer,
    );
    registry.silent = true;
    assert.equal(await registryObstacle(site, `${address}/here:1`, 0.5), "silence for 0.5 s");
  });

  it("ends at once when the caller wants to end", async () => {
    registry.silent = true;
    const stop = new AbortController();
    setTimeout(() => stop.abort(), 300);
    const started = Date.now();
    await assert.rejects(
      pullImage(site, `${address}/here:2`, { print: () => undefined, signal: stop.signal }),
      { name: "AbortError" },
    );
    assert.ok(Date.now() - started < 3000);
  });

  it("can be replaced by a bootstrapped Debian only where it is Debian's own", async () => {
    for (const reference of [
      "debian",
      "debian:bookworm-slim",
      "mirror.example.com/library/debian:12",
      `library/debian@sha256:${"0".repeat(64)}`,
    ]) {
      assert.ok(isDebianImage(reference), reference);
    }
    for (const reference of ["debian-like:1", "example.com/debian:12", "ubuntu:24.04"]) {
      assert.ok(!isDebianImage(reference), reference);
    }
    // this machine's tests have built on one of the two by now, or neither is here
    const found = await findBuilderBase(site, { reference: "debian:bookworm-slim" });
    assert.ok([undefined, "debian:bookworm-slim", "kragle-base:bookworm"].includes(found), found);
  });

  it("is of the release that its tag names, else of the builder's own", () => {
    const digest = `@sha256:${"0".repeat(64)}`;
    for (const reference of [
      "debian:trixie",
      "debian:trixie-slim",
      `mirror.example.com/library/debian:trixie-20260803-slim${digest}`,
    ]) {
      assert.equal(releaseOf(reference), "trixie", reference);
    }
    const ofBuilder = releaseOf(defaultBaseImage().reference);
    for (const reference of [
      ...["debian", "debian:latest", "debian:12-slim", `debian${digest}`],
      ...["example.com/builder:ours", "localhost:5000/debian", "ubuntu:noble"],
    ]) {
      assert.equal(releaseOf(reference), ofBuilder, reference);
    }
  });

  it("brings along what a build needs of this host", async () => {
    const { buildArgs } = await run(pulled[0]!);
    for (const [name, value] of Object.entries(buildArgs)) {
      assert.match(name, /^(APT_(SOURCES|CONF)_B64|\w+_(proxy|PROXY))$/);
      assert.notEqual(value, "");
    }
  });
});
