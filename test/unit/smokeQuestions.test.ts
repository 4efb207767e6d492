import assert from "node:assert/strict";

import fc from "fast-check";

import { readIdentity, requireDifferent, requireSame } from "../../stages/smoke/identity";
import { newSshKeyPair } from "../../host/sshKeyPair";
import { seedFiles } from "../../stages/smoke/seed";
import { requireGrownRoot, waitForSeed } from "../../stages/smoke/seeded";
import { waitForSystem } from "../../stages/smoke/systemState";
import { type Answers, answering, done, refused } from "./fakeGuest";

const { signal } = new AbortController();
const WAIT = "systemctl is-system-running --wait";
const STATE = "systemctl is-system-running";
const JOBS = "systemctl list-jobs --no-legend";
const FAILED = "systemctl list-units --failed --plain --no-legend --full";
const journal = (unit: string) => `journalctl -b -u ${unit} -n 6 -o cat --no-pager`;
const NO_OPTION = refused("systemctl: unrecognized option '--wait'\n");

describe("the state of a guest's system", () => {
  const wait = (answers: Answers) => waitForSystem(answering(answers), signal);

  it("is what a systemd of 240 or newer says in the end", async () => {
    await wait({ [WAIT]: done("running\n") });
    await assert.rejects(
      wait({ [WAIT]: done("maintenance\n", 1), [FAILED]: done("") }),
      /the guest's system is maintenance\nfailed units: none/,
    );
  });

  it("is asked again where an older one does not wait", async () => {
    await wait({ [WAIT]: [done("starting\n", 1), done("running\n")] });
  });

  it("is asked without the option where a still older one refuses it (219)", async () => {
    await wait({ [WAIT]: NO_OPTION, [STATE]: done("running\n") });
    await assert.rejects(
      wait({
        [WAIT]: NO_OPTION,
        [STATE]: done("degraded\n", 1),
        [FAILED]: done("● kdump.service loaded failed failed Crash recovery kernel arming\n"),
        [journal("kdump.service")]: done("No memory reserved for crash kernel.\n"),
      }),
      /is degraded\nfailed units: kdump\.service\n {2}kdump\.service: No memory reserved/,
    );
  });

  describe("where systemd has no word for it (208)", () => {
    const old = { [WAIT]: NO_OPTION, [STATE]: refused("Unknown operation 'is-system-running'.\n") };

    it("is running when no job is queued and no unit failed", async () => {
      await wait({
        ...old,
        [JOBS]: [
          done("  96 multi-user.target         start waiting\n 112 tuned.service start running\n"),
          done("No jobs running.\n"),
        ],
        [FAILED]: done(""),
      });
    });

    it("is degraded when a unit failed", async () => {
      await assert.rejects(
        wait({
          ...old,
          [JOBS]: done("No jobs running.\n"),
          [FAILED]: done("rhsmcertd.service loaded failed failed Enable periodic update\n"),
          [journal("rhsmcertd.service")]: done("no identity\n"),
        }),
        /the guest's system is degraded\nfailed units: rhsmcertd\.service/,
      );
    });

    it("is not known where it cannot be asked", async () => {
      await assert.rejects(
        wait({ ...old, [JOBS]: refused("Failed to list jobs\n"), [FAILED]: done("") }),
        /is unknown: Failed to list jobs/,
      );
    });
  });

  it("is not taken for running where there is no systemd", async () => {
    const missing = refused("sh: 1: systemctl: not found\n", 127);
    await assert.rejects(wait({ [WAIT]: missing, [FAILED]: missing }), /systemctl: not found/);
  });
});

describe("a seed", () => {
  const STATUS = "cloud-init status --wait --long";
  const wait = (answers: Answers) => waitForSeed(answering(answers), signal);

  it("is two files that every cloud-init reads", () => {
    const keys = { public: "ssh-ed25519 AAAA kragle-proof", private: "secret" };
    assert.deepEqual(seedFiles({ instanceId: "i-1", hostname: "one", keys }), {
      "meta-data": "instance-id: i-1\nlocal-hostname: one\n",
      "user-data":
        "#cloud-config\ndisable_root: false\nssh_authorized_keys:\n  - ssh-ed25519 AAAA kragle-proof\n",
    });
  });

  it("has a new key each time, in OpenSSH's formats", () => {
    const keys = newSshKeyPair("kragle-test");
    assert.match(keys.public, /^ssh-ed25519 [A-Za-z0-9+/=]+ kragle-test$/);
    assert.match(keys.private, /^-----BEGIN OPENSSH PRIVATE KEY-----\n/);
    assert.notEqual(newSshKeyPair("kragle-test").public, keys.public);
  });

  it("is applied when cloud-init is done", async () => {
    const words = "....\nstatus: done\ndetail:\nDataSourceNoCloud [seed=/dev/vdb]\n";
    assert.match(await wait({ [STATUS]: done(words) }), /^status: done\ndetail:/);
  });

  it("is not applied when cloud-init failed, recovered from errors, or did not run", async () => {
    const words = "status: error\nerrors:\n  - ('locale', ProcessExecutionError())\n";
    await assert.rejects(wait({ [STATUS]: done(words, 1) }), /cloud-init failed:\nstatus: error/);
    const recovered = "status: done\nrecoverable_errors:\nWARNING:\n  - Failed to set hostname\n";
    await assert.rejects(
      wait({ [STATUS]: done(recovered, 2) }),
      /errors that it recovered from:\n[^]*Failed to set hostname/,
    );
    await assert.rejects(wait({ [STATUS]: done("status: disabled\n") }), /did not run/);
  });

  it("is applied by the image's own means where it has no cloud-init", async () => {
    assert.match(
      await wait({ [STATUS]: refused("sh: cloud-init: not found", 127) }),
      /key was accepted; there is no cloud-init/,
    );
  });

  it("is applied when an old cloud-init left its result", async () => {
    const old = {
      [STATUS]: refused("usage: cloud-init [-h]\ncloud-init: error: invalid choice: 'status'", 2),
      "cat /var/lib/cloud/instance/boot-finished": [refused("No such file"), done("33.2\n")],
    };
    const result = (errors: string[]) => ({
      "cat /var/lib/cloud/data/result.json": done(
        JSON.stringify({ v1: { datasource: "DataSourceNoCloud", errors } }),
      ),
    });
    assert.match(await wait({ ...old, ...result([]) }), /done\ndetail: DataSourceNoCloud/);
    await assert.rejects(wait({ ...old, ...result(["('ssh', KeyError())"]) }), /'ssh', KeyError/);
  });
});

describe("root on a larger disk", () => {
  const GIB = 2 ** 30;
  const df = (kibibytes: number) =>
    answering({
      "df -Pk /": done(
        `Filesystem 1024-blocks Used Available Capacity Mounted on\n/dev/vda3 ${kibibytes} 1 1 1% /\n`,
      ),
    });
  const ask = (kibibytes: number) => requireGrownRoot(df(kibibytes), 4 * GIB, 8 * GIB, signal);

  it("has grown when it is larger than the whole image", async () => {
    assert.equal(await ask(7_900_000), 7_900_000 * 1024);
  });

  it("has not when it fits into the image", async () => {
    await assert.rejects(ask(4 * 2 ** 20), /it has 4.0 GiB on a disk of 8.0 GiB/);
    await assert.rejects(ask(NaN), /size of root is not known/);
  });
});

describe("the identity of a guest", () => {
  const READ = "sh -c cat /etc/machine-id; cat /etc/ssh/ssh_host_*_key.pub";
  const id = "0123456789abcdef0123456789abcdef";
  const read = (text: string) => readIdentity(answering({ [READ]: done(text) }), signal);

  it("is its machine-id and the fingerprints of its host keys", async () => {
    // made by ssh-keygen, and shown by ssh-keygen -l
    const key = "AAAAC3NzaC1lZDI1NTE5AAAAIFG/2QtrH7bBqyf66i8jIKwHSA9aPg/uFsRNO4AQtwxv";
    const { machineId, hostKeys } = await read(`${id}\nssh-ed25519 ${key} root@one\n`);
    assert.equal(machineId, id);
    assert.deepEqual(hostKeys, ["ssh-ed25519 SHA256:y24VOekM10C05BTZf/xcZSWCif9D1devc8ZXDqBFuQs"]);
  });

  it("has to be there", async () => {
    await assert.rejects(read("\nssh-rsa AAAA x\n"), /machine-id is ""/);
    await assert.rejects(read("uninitialized\nssh-rsa AAAA x\n"), /machine-id is "uninitialized"/);
    await assert.rejects(read(`${id}\n`), /no SSH host keys/);
  });

  const identities = fc.record({
    machineId: fc.stringMatching(/^[0-9a-f]{32}$/),
    hostKeys: fc
      .uniqueArray(fc.stringMatching(/^ssh-rsa SHA256:[a-z]{5}$/), { minLength: 1, maxLength: 3 })
      .map((keys) => keys.sort()),
  });

  it("survives a boot, and belongs to one machine only", () => {
    fc.assert(
      fc.property(identities, identities, (one, other) => {
        requireSame(one, { ...one });
        assert.throws(() => requireDifferent(one, { ...one }), /have the same machine-id/);
        if (one.machineId === other.machineId) return;
        assert.throws(() => requireSame(one, { ...one, machineId: other.machineId }), /machine-id/);
        const shared = { ...other, hostKeys: [...other.hostKeys, one.hostKeys[0]!] };
        assert.throws(() => requireDifferent(one, shared), /the same SSH host keys/);
        if (one.hostKeys.some((key) => other.hostKeys.includes(key))) return;
        requireDifferent(one, other);
        assert.throws(
          () => requireSame(one, { ...one, hostKeys: other.hostKeys }),
          /host keys did/,
        );
      }),
    );
  });
});
