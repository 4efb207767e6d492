import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { EXIT, StageFailure } from "../../host/failure";
import { digestBySignedList } from "../../preview/signedList";
import type { SignedList } from "../../plan/imageSpec";

const A = "a".repeat(64);
const OF_A = { algorithm: "sha256", hex: A };
const LIST = `SHA256 (db.qcow2) = ${"b".repeat(64)}\n${A}  web.qcow2\n`;

/** Really signed by GPG, really served, really fetched. */
describe("a publisher's signed list", function () {
  this.timeout(120_000);
  let folder: string;
  let home: string;
  let server: Server;
  let base: string;
  let fingerprint: string;
  /** What the server has, by path; what it was asked for. */
  const served = new Map<string, string | Buffer>();
  const asked: string[] = [];
  const at = (name: string) => join(folder, name);
  const gpg = (...args: string[]) =>
    execFileSync("gpg", ["--batch", "--quiet", "--passphrase", "", "--output", "-", ...args], {
      env: { ...process.env, GNUPGHOME: at("g") },
      stdio: ["ignore", "pipe", "ignore"],
    });
  const signed = (text: string, id: string, ...how: string[]) => {
    writeFileSync(at("text"), text);
    return gpg("-u", id, ...how, at("text"));
  };

  before(async function () {
    if (spawnSync("gpg", ["--version"]).error || spawnSync("curl", ["--version"]).error) {
      return this.skip();
    }
    // short, since a socket's path is
    folder = mkdtempSync(join(tmpdir(), "kl-"));
    mkdirSync(at("g"), { mode: 0o700 });
    for (const id of ["vendor@x.org", "other@x.org", "revoked@x.org"]) {
      gpg("--quick-gen-key", id, "ed25519", "sign", "1y");
    }
    const fingerprintOf = (id: string) =>
      /^fpr:+(\w+):/m.exec(gpg("--with-colons", "--list-keys", id).toString())![1]!;
    fingerprint = fingerprintOf("vendor");
    served.set("/revoked.asc", signed(LIST, "revoked", "--armor", "--detach-sign"));
    const revocation = at(`g/openpgp-revocs.d/${fingerprintOf("revoked")}.rev`);
    writeFileSync(at("rev"), readFileSync(revocation, "utf8").replace(/^:-----/m, "-----"));
    gpg("--import", at("rev"));
    writeFileSync(at("vendor.asc"), gpg("--armor", "--export", "vendor"));
    writeFileSync(at("both.gpg"), gpg("--export", "vendor", "other"));
    writeFileSync(at("revoked-key.asc"), gpg("--armor", "--export", "revoked"));
    server = createServer((request, response) => {
      asked.push(request.url!);
      const content = served.get(request.url!.split("?")[0]!);
      response.writeHead(content === undefined ? 404 : 200).end(content);
    });
    await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
    base = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  });
  after(() => {
    if (!folder) return;
    server.close();
    server.closeAllConnections();
    spawnSync("gpgconf", ["--homedir", at("g"), "--kill", "all"]);
    rmSync(folder, { recursive: true });
  });
  beforeEach(() => {
    home = mkdtempSync(at("home-"));
    asked.length = 0;
    served.set("/SHA256SUMS", LIST);
    served.set("/SHA256SUMS.asc", signed(LIST, "vendor", "--armor", "--detach-sign"));
    served.set("/SHA256SUMS.gpg", signed(LIST, "vendor", "--detach-sign"));
    served.set("/CHECKSUM", signed(LIST, "vendor", "--clearsign"));
  });

  const by = (change: Partial<SignedList> = {}, name = "web.qcow2") =>
    digestBySignedList(
      home,
      {
        checksums: `${base}/SHA256SUMS`,
        signature: `${base}/SHA256SUMS.asc`,
        keys: [{ file: at("vendor.asc"), fingerprint: null }],
        ...change,
      },
      name,
    );

  const refused = (promise: Promise<unknown>, words: RegExp) =>
    assert.rejects(promise, (error: unknown) => {
      assert.ok(error instanceof StageFailure, String((error as Error).stack));
      assert.match(error.message, words);
      assert.doesNotMatch(error.text, /canary/);
      assert.equal(error.details.exitCode, EXIT.lacking);
      assert.ok(error.details.hint);
      assert.deepEqual(readdirSync(home), [], "nothing is noted");
      return true;
    });

  it("tells the digest, who signed it, and no token", async () => {
    const token = "?token=canary{1,2}[3-4]";
    const { digest, notes } = await by({
      checksums: `${base.replace("//", "//u:canary@")}/SHA256SUMS${token}`,
      signature: `${base}/SHA256SUMS.asc${token}`,
    });
    assert.deepEqual(digest, OF_A);
    assert.deepEqual(notes, [
      `web.qcow2: SHA-256 ${A} by ${base}/SHA256SUMS, signed by ${fingerprint}`,
    ]);
    assert.deepEqual(asked, [`/SHA256SUMS${token}`, `/SHA256SUMS.asc${token}`]);
  });

  it("may be signed in binary, within itself, or lie here", async () => {
    assert.deepEqual((await by({ signature: `${base}/SHA256SUMS.gpg` })).digest, OF_A);
    assert.deepEqual((await by({ checksums: `${base}/CHECKSUM`, signature: null })).digest, OF_A);
    writeFileSync(at("SUMS"), LIST);
    writeFileSync(at("SUMS.sig"), served.get("/SHA256SUMS.gpg")!);
    assert.deepEqual((await by({ checksums: at("SUMS"), signature: at("SUMS.sig") })).digest, OF_A);
    const two = [{ file: at("both.gpg"), fingerprint }];
    assert.deepEqual((await by({ keys: two })).digest, OF_A);
  });

  it("counts by what was signed, not by what stands around that", async () => {
    const message = served.get("/CHECKSUM")!.toString();
    const other = `${"c".repeat(64)}  web.qcow2\n`;
    served.set("/CHECKSUM", `${other}${message}${other}`);
    assert.deepEqual((await by({ checksums: `${base}/CHECKSUM`, signature: null })).digest, OF_A);
    served.set("/CHECKSUM", message.replace(A, "c".repeat(64)));
    const altered = by({ checksums: `${base}/CHECKSUM`, signature: null });
    await refused(
      altered.finally(() => rmSync(join(home, "iso"), { recursive: true })),
      /match/,
    );
  });

  it("is refused where a key that is trusted did not sign it", async () => {
    const keys = (file: string, one: string | null = null) => [
      { file: at(file), fingerprint: one },
    ];
    served.set("/SHA256SUMS.asc", signed(LIST, "other", "--armor", "--detach-sign"));
    await refused(by(), /\/SHA256SUMS is not to be trusted: its signature: not by a trusted key/);
    // in the file, and not the one that is named
    await refused(by({ keys: keys("both.gpg", fingerprint) }), /not by a trusted key/);
    await refused(
      by({ keys: keys("vendor.asc", "F".repeat(40)) }),
      /the keys: F{40} is not one of the file's, which are [0-9A-F]{40}/,
    );
    await refused(
      by({ signature: `${base}/revoked.asc`, keys: keys("revoked-key.asc") }),
      /its key was revoked/,
    );
    const weak = signed(LIST, "vendor", "--armor", "--detach-sign", "--digest-algo", "SHA1");
    served.set("/SHA256SUMS.asc", weak);
    await refused(by(), /SHA-1/);
    served.set("/SHA256SUMS.asc", signed("another text\n", "vendor", "--detach-sign"));
    await refused(by(), /it does not match/);
    served.set("/SHA256SUMS.asc", "no signature\n");
    await refused(by(), /its signature: /);
    await refused(by({ signature: null }), /is not signed within itself/);
    writeFileSync(at("none.asc"), "no key\n");
    await refused(by({ keys: keys("none.asc") }), /the keys: /);
  });

  it("is refused where it does not have the file", async () => {
    await refused(by({}, "mail.qcow2"), /does not have mail\.qcow2; it has db\.qcow2, web\.qcow2$/);
  });

  it("may be one of SHA-512 alone, as Debian's of its images for clouds", async () => {
    const hex = "5".repeat(128);
    const list = `${"d".repeat(128)}  db.qcow2\n${hex}  web.qcow2\n`;
    served.set("/SHA256SUMS", list);
    served.set("/SHA256SUMS.asc", signed(list, "vendor", "--armor", "--detach-sign"));
    const { digest, notes } = await by();
    assert.deepEqual(digest, { algorithm: "sha512", hex });
    assert.match(notes[0]!, /^web\.qcow2: SHA-512 5{128} by .*, signed by /);
    served.delete("/SHA256SUMS");
    const last = await by();
    assert.deepEqual(last.digest, digest);
    assert.match(last.notes[0]!, /^web\.qcow2: SHA-512 5{128} as it was listed on /);
  });

  it("is what it was last where it cannot be had now, which is said", async () => {
    await by();
    const list = served.get("/SHA256SUMS")!;
    served.delete("/SHA256SUMS");
    const { digest, notes } = await by();
    assert.deepEqual(digest, OF_A);
    assert.match(
      notes[0]!,
      /^web\.qcow2: SHA-256 a{64} as it was listed on \d{4}-\d\d-\d\dT\d\d:\d\dZ, signed by [0-9A-F]{40}; the list cannot be had now: http:.*\/SHA256SUMS: .*404/,
    );
    // for nobody else's keys, and not where its signature is wrong
    await assert.rejects(
      by({ keys: [{ file: at("both.gpg"), fingerprint: null }] }),
      /the list of digests cannot be had: .*404/,
    );
    served.set("/SHA256SUMS", `${list.toString()}more\n`);
    await assert.rejects(by(), /it does not match/);
  });

  it("is not had from a login page, nor without end", async () => {
    served.set("/SHA256SUMS", "<!DOCTYPE html><title>Sign in</title>");
    await refused(by(), /a web page came in its place; does one have to log in there\?/);
    served.set("/SHA256SUMS", Buffer.alloc(5 * 2 ** 20));
    await refused(by(), /cannot be had/);
    await refused(by({ checksums: at("nowhere") }), /nowhere cannot be read/);
  });
});
