import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { EXIT, StageFailure } from "../../host/failure";
import { chooseDomainType, forProof, requireLibvirt } from "../../executors/libvirtHost";
import { Virsh } from "../../host/virsh";
import { firstOnPath, restorePath } from "../firstOnPath";
import { sampleSha256 } from "../samples";
import { siteWithoutDocker } from "../site";

/** A virsh whose answers are the cases of a shell's `case "$*"`, after the connection's arguments. */
class FakeVirsh {
  private readonly folder = mkdtempSync(join(tmpdir(), "kragle virsh "));

  constructor(cases: string, before = "") {
    firstOnPath(this.folder, "virsh", `${before}\nshift 3\ncase "$*" in\n${cases}\nesac`);
  }

  remove(): void {
    restorePath();
    rmSync(this.folder, { recursive: true });
  }
}

const URI = "qemu:///system";
const REMOTE = "qemu+ssh://root@host/system";
const lacking = (message: RegExp, hint: RegExp) => (error: Error) => {
  assert.ok(error instanceof StageFailure, error.stack);
  assert.match(error.message, message);
  assert.match(error.details.hint ?? "", hint);
  assert.equal(error.details.exitCode, EXIT.lacking);
  return true;
};

describe("a libvirt daemon", () => {
  let virsh: FakeVirsh | undefined;
  const ask = () => requireLibvirt(URI, forProof.pool, forProof.otherwise);
  const fake = (cases: string, before?: string) => (virsh = new FakeVirsh(cases, before));
  afterEach(() => {
    virsh?.remove();
    virsh = undefined;
  });

  it("is ready where it answers and its pool runs", async () => {
    fake(`uri) echo ${URI} ;; "pool-info default") echo "State:          running" ;;`);
    await ask();
  });

  it("is lacking where there is no virsh", async () => {
    fake("*) ;;");
    process.env.PATH = "/nowhere";
    await assert.rejects(
      ask(),
      lacking(/^virsh, which .* is not installed$/, /libvirt-clients.*or set smoke to qemu/),
    );
  });

  it("is lacking where nobody answers, in libvirt's own words", async () => {
    fake('*) echo "error: failed to connect" >&2; echo "error: No such file" >&2; exit 1 ;;');
    await assert.rejects(
      ask(),
      lacking(/cannot be reached at qemu:\/\/\/system: failed to connect; No such file$/, /start/),
    );
  });

  it("is lacking where it has no pool, and where that is not active", async () => {
    fake("uri) ;; *) echo 'error: Storage pool not found' >&2; exit 1 ;;");
    await assert.rejects(
      ask(),
      lacking(
        /lacks the pool default: Storage pool not found/,
        /pool-define-as.*pool-build.*pool-start/,
      ),
    );
    virsh!.remove();
    fake("uri) ;; *) echo 'State:          inactive' ;;");
    await assert.rejects(ask(), lacking(/the pool default is inactive/, /pool-start/));
  });

  describe("gives a domain the type", () => {
    const decide = (uri: string, accelerator: "auto" | "kvm" | "tcg") =>
      chooseDomainType(
        siteWithoutDocker("/nowhere"),
        { uri, accelerator, toolsImage: "none", imageSha256: sampleSha256 },
        () => undefined,
      );

    it("qemu where TCG is set, without asking", async () => {
      fake("*) exit 1 ;;");
      assert.deepEqual(await decide(URI, "tcg"), { type: "qemu" });
    });

    it("qemu where it offers no KVM, which is an error if KVM is set", async () => {
      fake("*) echo 'error: the accel is not supported' >&2; exit 1 ;;");
      assert.deepEqual(await decide(URI, "auto"), { type: "qemu" });
      await assert.rejects(decide(URI, "kvm"), lacking(/has no KVM: the accel/, /auto/));
    });

    it("kvm where a remote one offers it", async () => {
      fake('"domcapabilities --virttype kvm") ;; *) exit 1 ;;');
      assert.deepEqual(await decide(REMOTE, "auto"), { type: "kvm" });
    });
  });

  describe("starts a domain", () => {
    /** A virsh that reads commands, as the real one does, and ends at the end of its input. */
    const reads = (answer: string) =>
      fake("*) exit 9 ;;", `if [ $# = 2 ]; then read -r line; ${answer}; cat >/dev/null; exit; fi`);

    it("that lives as long as the connection", async () => {
      reads('echo "virsh # $line"; echo "Domain \'a b\' started"; echo "Domain \'a\' started"');
      const held = await new Virsh(URI).startHeld("a");
      await held.close();
    });

    it("or says why it cannot", async () => {
      reads(
        "echo 'error: Failed to start domain' >&2; echo 'error: no room' >&2; echo \"error: Failed to create '/dev/null/libvirt/virsh'\" >&2",
      );
      await assert.rejects(
        new Virsh(URI).startHeld("a"),
        /^Error: Failed to start domain; no room$/,
      );
    });

    it("or that the connection broke", async () => {
      fake("*) ;;", 'if [ $# = 2 ]; then echo "error: broken pipe" >&2; exit 1; fi');
      await assert.rejects(new Virsh(URI).startHeld("a"), /broken pipe/);
    });
  });
});
