import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdirSync, openSync, readdirSync, readFileSync, readSync } from "node:fs";
import { statSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { dirname, join } from "node:path";

import { sha256File } from "../../host/files";
import { type Clone, type Finished, jsonOf } from "../clone";
import { describeInFullTier } from "../fullTier";
import { inSequence } from "../inSequence";
import { bridgeGateway } from "../openPort";
import { sharedClone } from "../sharedClone";

interface UpDocument {
  readonly steps: Record<string, string>;
  readonly outputs: {
    readonly imagePath: string;
    readonly imageVirtualBytes: number;
    readonly smoke: { readonly passed: boolean; readonly seconds: Record<string, number> };
  };
}

interface PreviewDocument {
  readonly stages: readonly {
    readonly stage: string;
    readonly status: string;
    readonly notes?: readonly string[];
  }[];
}

const MINUTES = 60_000;
const NAME = "web-1.qcow2";

/** An image that kragle released is published as vendors do, and a second one begins with it: fetched, verified, built, proven, released. */
describeInFullTier("an image that begins with somebody else's", function () {
  this.timeout(60 * MINUTES);
  inSequence();

  let clone: Clone;
  let vendor: string;
  let server: Server;
  let base: string;
  /** What the server was asked for. */
  const asked: string[] = [];
  const at = (name: string) => join(vendor, name);
  const gpg = (...args: string[]) =>
    execFileSync("gpg", ["--batch", "--quiet", "--passphrase", "", ...args], {
      env: { ...process.env, GNUPGHOME: at("g") },
      stdio: ["ignore", "pipe", "ignore"],
    });
  const publish = (list: string, id = "vendor@x.org") => {
    writeFileSync(at("SHA256SUMS"), list);
    gpg("--yes", "-u", id, "--armor", "--detach-sign", at("SHA256SUMS"));
  };

  before(async function () {
    if (spawnSync("gpg", ["--version"]).error) return this.skip();
    clone = sharedClone();
    clone.addStack("vendor", { smoke: "none" });
    const finished = await clone.kragle(["up", "-s", "vendor", "--engine", "embedded", "--json"]);
    const { imagePath } = released(finished).outputs;
    vendor = clone.path("vendor");
    mkdirSync(at("g"), { recursive: true, mode: 0o700 });
    for (const id of ["vendor@x.org", "other@x.org"]) {
      gpg("--quick-gen-key", id, "ed25519", "sign", "1y");
    }
    writeFileSync(at("vendor.asc"), gpg("--armor", "--export", "vendor"));
    execFileSync("cp", ["--sparse=always", imagePath, at(NAME)]);
    publish(`${"0".repeat(64)}  other.qcow2\n${await sha256File(at(NAME))}  ${NAME}\n`);
    server = createServer((request, response) => {
      asked.push(`${request.url} ${request.headers.range ?? ""}`.trim());
      serve(at(request.url!.split("?")[0]!.slice(1)), request.headers.range, response);
    });
    server.listen(0, await bridgeGateway());
    await once(server, "listening");
    const { address, port } = server.address() as AddressInfo;
    base = `http://${address}:${port}`;
    clone.addStack("begun", settings());
  });
  after(() => {
    if (!server) return;
    server.close();
    server.closeAllConnections();
    spawnSync("gpgconf", ["--homedir", at("g"), "--kill", "all"]);
  });

  const settings = () => ({
    template: "cloud",
    diskSize: "6 GiB",
    provision: [{ run: "echo packages >/srv/one" }, { run: "echo second >/srv/two" }],
    from: {
      url: `${base}/${NAME}?token=canary`,
      checksums: `${base}/SHA256SUMS`,
      signature: `${base}/SHA256SUMS.asc`,
      keys: ["vendor/vendor.asc"],
    },
  });
  const up = () => clone.kragle(["up", "-s", "begun", "--engine", "embedded", "--json"]);
  const preview = async () =>
    jsonOf<PreviewDocument>(await clone.kragle(["preview", "-s", "begun", "--json"])).stages;
  const released = (finished: Finished) => {
    assert.equal(finished.code, 0, finished.stderr);
    return jsonOf<UpDocument>(finished);
  };

  it("is refused before anything starts where its list is not by the trusted key, or lacks the file", async () => {
    const list = readFileSync(at("SHA256SUMS"), "utf8");
    const refused = async (words: RegExp) => {
      const { code, stderr } = await up();
      assert.equal(code, 3, stderr);
      assert.match(stderr, words);
    };
    publish(list, "other@x.org");
    await refused(/is not to be trusted: its signature: not by a trusted key/);
    publish(list.replace(NAME, "web-2.qcow2"));
    await refused(/does not have web-1\.qcow2; it has other\.qcow2, web-2\.qcow2/);
    publish(list);
    writeFileSync(at("SHA256SUMS"), list.replace(/^0/, "1"));
    await refused(/its signature: it does not match/);
    publish(list);
    assert.ok(!asked.some((line) => line.includes(NAME)), "the disk was fetched");
  });

  it("is told in a preview, with the digest and who signed it", async () => {
    const row = (await preview()).find(({ stage }) => stage === "base");
    assert.equal(row?.status, "will run");
    assert.match(
      row.notes?.[0] ?? "",
      /^web-1\.qcow2: SHA-256 [0-9a-f]{64} by http.*, signed by [0-9A-F]{40}$/,
    );
  });

  it("is fetched over a connection that is cut, built, proven by SSH and released", async () => {
    const finished = await up();
    const { steps, outputs } = released(finished);
    for (const step of ["base", "image", "check", "smoke", "release"]) {
      assert.equal(steps[step], "run", step);
    }
    assert.doesNotMatch(finished.stderr, /canary/);
    const [whole, rest, ...more] = asked.filter((line) => line.includes(NAME));
    assert.equal(whole, `/${NAME}?token=canary`);
    assert.match(rest!, /^\/web-1\.qcow2\?token=canary bytes=[1-9]\d{6,}-$/);
    assert.deepEqual(more, []);
    assert.ok(outputs.smoke.passed && outputs.smoke.seconds.ssh! > 0);
    assert.equal(outputs.imageVirtualBytes, 6 * 2 ** 30);
    const evidence = join(dirname(outputs.imagePath), "evidence");
    const files = readFileSync(join(evidence, "check/files.tsv"), "utf8");
    for (const name of ["/srv/one", "/srv/two"]) assert.ok(files.includes(`\t${name}\n`), name);
    const verified = await clone.kragle(["verify", dirname(outputs.imagePath), "--json"]);
    assert.equal(verified.code, 0, verified.stdout + verified.stderr);
    const provenance = readFileSync(join(dirname(outputs.imagePath), "provenance.json"), "utf8");
    assert.ok(provenance.includes(await sha256File(at(NAME))), "it names the disk");
    assert.doesNotMatch(provenance, /canary/);
  });

  it("needs neither list nor disk for what is built, and says so", async () => {
    server.close();
    server.closeAllConnections();
    const row = (await preview()).find(({ stage }) => stage === "base");
    assert.equal(row?.status, "unchanged");
    assert.match(row.notes?.[0] ?? "", /as it was listed on .*; the list cannot be had now: /);
    const left = readdirSync(clone.path(".kragle/iso")).filter((name) => name.endsWith(".part"));
    assert.deepEqual(left, []);
  });
});

/** A file as a server has it that cuts the first connection of a large one in the middle. */
function serve(
  file: string,
  range: string | undefined,
  response: Parameters<Parameters<typeof createServer>[1] & object>[1],
): void {
  const size = statSync(file, { throwIfNoEntry: false })?.size;
  if (size === undefined) return void response.writeHead(404).end();
  const start = Number(/^bytes=(\d+)-$/.exec(range ?? "")?.[1] ?? 0);
  const cut = range === undefined && size > 2 ** 20;
  const end = cut ? Math.floor(size / 2) : size;
  response.writeHead(range ? 206 : 200, { "Content-Length": size - start });
  const descriptor = openSync(file, "r");
  const next = (position: number) => {
    const piece = Buffer.alloc(Math.min(2 ** 20, end - position));
    if (piece.length === 0) {
      closeSync(descriptor);
      if (cut) response.destroy();
      else response.end();
      return;
    }
    readSync(descriptor, piece, 0, piece.length, position);
    response.write(piece, () => next(position + piece.length));
  };
  next(start);
}
