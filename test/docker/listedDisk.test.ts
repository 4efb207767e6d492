import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import { once } from "node:events";
import { existsSync, mkdirSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { StageFailure } from "../../host/failure";
import { digestBySignedList } from "../../preview/signedList";
import type { PublishedDigest } from "../../plan/publishedDigest";
import { runStage } from "../../run/runStage";
import { base } from "../../stages/base/base";
import { cachedSource } from "../../store/sourceFile";
import { bridgeGateway } from "../openPort";
import { sourceCall } from "../sampleCalls";
import { executor } from "../site";
import { TemporaryStore } from "../temporaryStore";
import { inTools, MIB } from "./smallDisk";
import { toolsImage } from "./toolsImage";

const NAME = "debian-13-generic-amd64.qcow2";

/** As Debian publishes its images for clouds: a disk, and beside it a list of SHA-512 and nothing else. */
describe("a disk with a list of SHA-512", function () {
  this.timeout(120_000);
  let image: string;
  let folder: string;
  let at: TemporaryStore;
  let server: Server;
  let place: string;
  let disk: Buffer;
  let fetches = 0;
  const served = new Map<string, string | Buffer>();
  const gpg = (...args: string[]) =>
    execFileSync("gpg", ["--batch", "--quiet", "--yes", "--passphrase", "", ...args], {
      env: { ...process.env, GNUPGHOME: join(folder, "g") },
      stdio: ["ignore", "pipe", "ignore"],
    });

  before(async function () {
    image = await toolsImage(this);
    if (spawnSync("gpg", ["--version"]).error) return this.skip();
    // short, since a socket's path is
    folder = mkdtempSync(join(tmpdir(), "kl-"));
    mkdirSync(join(folder, "g"), { mode: 0o700 });
    gpg("--quick-gen-key", "vendor@x.org", "ed25519", "sign", "1y");
    writeFileSync(join(folder, "vendor.asc"), gpg("--armor", "--export", "vendor"));
    const make = `cd /w; truncate -s 16M disk.raw; printf 'start=2048, type=L\\n' | sfdisk --quiet --label gpt disk.raw
      qemu-img convert -O qcow2 disk.raw disk.qcow2; chmod a+r disk.qcow2`;
    inTools(image, folder, make);
    disk = readFileSync(join(folder, "disk.qcow2"));
    server = createServer((request, response) => {
      fetches += Number(request.url === `/${NAME}`);
      const content = served.get(request.url!);
      response.writeHead(content === undefined ? 404 : 200).end(content);
    }).listen(0, await bridgeGateway());
    await once(server, "listening");
    const { address, port } = server.address() as AddressInfo;
    place = `http://${address}:${port}`;
  });
  after(() => {
    if (!folder) return;
    server.close();
    server.closeAllConnections();
    spawnSync("gpgconf", ["--homedir", join(folder, "g"), "--kill", "all"]);
    rmSync(folder, { recursive: true });
  });
  beforeEach(() => {
    at = new TemporaryStore();
    fetches = 0;
    served.set(`/${NAME}`, disk);
    publish(`${"0".repeat(128)}  other.qcow2\n${sha512Of(disk)}  ${NAME}\n`);
  });
  afterEach(() => at.remove());

  const sha512Of = (content: Buffer) => createHash("sha512").update(content).digest("hex");

  function publish(list: string): void {
    writeFileSync(join(folder, "list"), list);
    gpg("-u", "vendor", "--armor", "--detach-sign", join(folder, "list"));
    served.set("/SHA512SUMS", list);
    served.set("/SHA512SUMS.asc", readFileSync(join(folder, "list.asc")));
  }

  const listed = () =>
    digestBySignedList(
      at.home,
      {
        checksums: `${place}/SHA512SUMS`,
        signature: `${place}/SHA512SUMS.asc`,
        keys: [{ file: join(folder, "vendor.asc"), fingerprint: null }],
      },
      NAME,
    );

  /** Stage base, as a stack with that digest has it run. */
  function begin({ algorithm, hex }: PublishedDigest) {
    assert.equal(algorithm, "sha512");
    return runStage(base, {
      ...{ executor, store: at.store, marker: undefined, print: () => undefined },
      call: sourceCall({ sourceSha512: hex }, { toolsImage: image }),
      secrets: { sourceUrls: JSON.stringify([`${place}/${NAME}`]) },
      signal: new AbortController().signal,
    });
  }

  it("is fetched, verified by it and made a base, and not fetched again", async () => {
    const { digest } = await listed();
    const { result } = await begin(digest);
    assert.equal((result as { sourceBytes: number }).sourceBytes, 16 * MIB);
    const cached = cachedSource(at.home, { kind: "disk", digest });
    assert.ok(readFileSync(cached).equals(disk));
    await begin(digest);
    assert.equal(fetches, 1);
  });

  it("is refused where it is another one than the list says", async () => {
    const { digest } = await listed();
    served.set(`/${NAME}`, Buffer.concat([disk, Buffer.from("x")]));
    await assert.rejects(begin(digest), (error: Error) => {
      assert.ok(error instanceof StageFailure, String(error.stack));
      assert.match(error.message, /the disk could not be fetched[^]*gave another file/);
      assert.match(error.message, /SHA-512 [0-9a-f]{128}/);
      return true;
    });
    assert.ok(!existsSync(cachedSource(at.home, { kind: "disk", digest })));
  });

  it("is refused before it is fetched where the list's digest is cut, or of another file", async () => {
    publish(`SHA512 (${NAME}) = ${sha512Of(disk).slice(0, 64)}\n`);
    await assert.rejects(listed(), /has no SHA-512 or SHA-256 of .*, only SHA512 of 64 digits/);
    publish(`${sha512Of(disk)}  debian-12-generic-amd64.qcow2\n`);
    await assert.rejects(
      listed(),
      /does not have debian-13-generic-amd64\.qcow2; it has debian-12/,
    );
    assert.equal(fetches, 0);
  });
});
