import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { StageFailure } from "../../host/failure";
import { findSigner } from "../../release/signing";
import { ReleaseFolder } from "../../release/verify/folder";
import { verifySignature } from "../../release/verify/signature";
import { firstOnPath, restorePath } from "../firstOnPath";
import { withOwnMounts } from "../ownMounts";

const SUMS = "some sums\n";

/** Verifies in TMPDIR on disks of a few pages, of which all, some or none are taken. */
const ON_SMALL_DISKS = `
  for pages in 0 1 2 3 4 6 9 14; do
    mount -t tmpfs -o size=$((4 * pages + 4))k none "$2"
    TMPDIR="$2" "$0" -e "$1" "$3"
    umount "$2"
  done`;

const VERIFY = `
  require("./setup/loader.cjs");
  const { describeFailure } = require("./cli/failure");
  const { ReleaseFolder } = require("./release/verify/folder");
  const { verifySignature } = require("./release/verify/signature");
  verifySignature(new ReleaseFolder(process.argv[1]), Buffer.from("some sums\\n"), undefined)
    .then(({ check }) => console.log(check.state, check.detail), (error) => {
      const { message, exitCode } = describeFailure(error);
      console.log(exitCode, message.replaceAll("\\n", " "));
    });`;

/** A tool that could not work has said nothing of a signature, and nothing of a key. */
describe("a program that signs or verifies and cannot work", function () {
  this.timeout(60_000);
  const { GNUPGHOME } = process.env;
  let folder: string;
  before(function () {
    if (spawnSync("gpg", ["--version"]).error) return this.skip();
    // short, since a socket's path is
    folder = mkdtempSync(join(tmpdir(), "kr-"));
    process.env.GNUPGHOME = mkdtempSync(join(folder, "g"));
    const gpg = (...args: string[]) =>
      execFileSync("gpg", ["--batch", "--quiet", ...args], { stdio: ["ignore", "pipe", "ignore"] });
    gpg("--passphrase", "", "--quick-gen-key", "tester@example.org", "ed25519");
    writeFileSync(join(folder, "SHA256SUMS"), SUMS);
    gpg("--armor", "--detach-sign", join(folder, "SHA256SUMS"));
    writeFileSync(join(folder, "signing-key.asc"), gpg("--armor", "--export"));
  });
  after(() => {
    spawnSync("gpgconf", ["--kill", "gpg-agent"]);
    if (GNUPGHOME === undefined) delete process.env.GNUPGHOME;
    else process.env.GNUPGHOME = GNUPGHOME;
    if (folder) rmSync(folder, { recursive: true });
  });
  afterEach(restorePath);

  /** In GPG's place. */
  const instead = (script: string) => {
    const bin = mkdtempSync(join(folder, "bin-"));
    firstOnPath(bin, "gpg", script);
  };
  const verify = () =>
    verifySignature(new ReleaseFolder(folder), Buffer.from(SUMS), undefined).then(
      ({ check }) => check.state,
    );
  const lacking = (hint: RegExp) => (error: Error) => {
    assert.ok(error instanceof StageFailure, error.stack);
    assert.equal(error.details.exitCode, 3);
    assert.match(error.details.hint!, hint);
    return true;
  };

  it("is no failed signature on a full disk for temporary files", function () {
    const temporary = mkdtempSync(join(folder, "t"));
    const args = [process.execPath, VERIFY, temporary, folder];
    const said = withOwnMounts(this, ON_SMALL_DISKS, args);
    const lines = said.trim().split("\n");
    assert.equal(lines.length, 8, said);
    for (const line of lines) assert.match(line, /^(3 .* TMPDIR |warning SHA256SUMS is signed)/);
    assert.match(lines[0]!, /^3 /);
    assert.match(lines.at(-1)!, /^warning/);
  });

  it("is no failed signature where it is killed", async () => {
    assert.equal(await verify(), "warning");
    instead("kill -9 $$");
    await assert.rejects(verify(), lacking(/again/));
  });

  it("on a full disk does not lack a passphrase", async () => {
    const signs = "echo fpr:::::::::0123456789012345678901234567890123456789:; exit 0";
    instead(`case "$*" in *--list-secret-keys*) ${signs};; esac
      echo "gpg: can't create lock: No space left on device" >&2; exit 2`);
    await assert.rejects(findSigner("gpg:tester"), lacking(/make room where GPG has its files/));
  });
});
