import assert from "node:assert/strict";

import { planBoots } from "../../stages/smoke/boots";
import type { UserTests } from "../../stages/smoke/userTests";
import { qemuCommand } from "../../stages/smoke/qemuCommand";

const GIB = 2 ** 30;
const settings = {
  proof: "quick",
  channel: "agent",
  firmware: ["bios", "uefi"],
  diskBytes: 4 * GIB,
} as const;
type Settings = Parameters<typeof planBoots>[0];

const plan = (change: Partial<Settings> = {}) =>
  planBoots({ ...settings, firmware: ["bios", "uefi"], ...change }, () => assert.fail());
const rungs = (change: Partial<Settings>) =>
  plan(change).map((boot) => boot.rungs.map(({ name }) => name).join(" "));
const machines = (change: Partial<Settings>) =>
  plan(change).map(({ machine: { name, disk, firmware, diskBytes, seed } }) =>
    [name, disk, firmware, diskBytes ?? "-", seed?.instanceId ?? "-"].join(" "),
  );

describe("the boots of a proof", () => {
  it("are one for a quick proof, with a seed only where SSH is the way in", () => {
    assert.deepEqual(rungs({}), ["kernel login agent running"]);
    assert.deepEqual(machines({}), ["first first bios - -"]);
    assert.deepEqual(rungs({ channel: "ssh" }), ["kernel login ssh running"]);
    assert.deepEqual(machines({ channel: "ssh" }), ["first first bios - kragle-proof-1"]);
  });

  it("are three for a full proof: larger disk and UEFI, the same disk and BIOS, another machine", () => {
    assert.deepEqual(machines({ proof: "full" }), [
      `first first uefi ${8 * GIB} kragle-proof-1`,
      `second first bios ${8 * GIB} kragle-proof-1`,
      "sibling sibling bios - kragle-proof-2",
    ]);
    assert.deepEqual(rungs({ proof: "full" }), [
      "kernel login agent ssh running seed root identity",
      "kernel login agent ssh running identity",
      "kernel login agent ssh running identity",
    ]);
    assert.deepEqual(rungs({ proof: "full", channel: "ssh" }), [
      "kernel login ssh running seed root identity",
      "kernel login ssh running identity",
      "kernel login ssh running identity",
    ]);
  });

  it("end with the user's tests, in the last boot only", () => {
    const own = { count: 2, seconds: 90 } as UserTests;
    const last = (change: Partial<Settings>, tests = own) =>
      planBoots({ ...settings, firmware: ["bios", "uefi"], ...change }, () => assert.fail(), tests)
        .map((boot) => boot.rungs.at(-1)!)
        .map(({ name, ownSeconds }) => `${name} ${ownSeconds ?? "-"}`);
    assert.deepEqual(last({}), ["tests 90"]);
    assert.deepEqual(last({ proof: "full" }), ["identity -", "identity -", "tests 90"]);
    assert.deepEqual(last({}, { count: 0, seconds: 0 } as UserTests), ["running -"]);
  });

  it("keep to the firmware that the template boots by", () => {
    const firmwares = (firmware: Settings["firmware"]) =>
      plan({ proof: "full", firmware }).map(({ machine }) => machine.firmware);
    assert.deepEqual(firmwares(["bios"]), ["bios", "bios", "bios"]);
    assert.deepEqual(firmwares(["uefi"]), ["uefi", "uefi", "uefi"]);
  });

  it("have files of their own, and the first those of a quick proof", () => {
    const files = (change: Partial<Settings>) =>
      plan(change).map(({ machine, screenshot }) => `${machine.serialLog} ${screenshot}`);
    assert.deepEqual(files({}), ["serial.log login.png"]);
    assert.deepEqual(files({ proof: "full" }), [
      "serial.log login.png",
      "second-serial.log second-login.png",
      "sibling-serial.log sibling-login.png",
    ]);
  });

  it("give the sibling a key of its own, and the second boot that of the first", () => {
    const keys = plan({ proof: "full" }).map(({ machine }) => machine.seed!.keys.public);
    assert.equal(keys[1], keys[0]);
    assert.notEqual(keys[2], keys[0]);
  });
});

describe("the machine that proves an image", () => {
  const size = { architecture: "amd64", accelerator: "tcg", memoryMiB: 1024, cpus: 2 } as const;
  const [quick] = plan();
  const [first, second] = plan({ proof: "full" });
  const command = (boot = quick!, newDisk = true, accelerator: "kvm" | "tcg" = "tcg") =>
    qemuCommand(boot.machine, { ...size, accelerator }, { newDisk }).join(" ");

  it("writes into an overlay only, without a network, in a sandbox", () => {
    const text = command();
    assert.match(
      text,
      /qemu-img create .*-b \/image\/image\.qcow2 \/overlay\/first\.qcow2 && exec/,
    );
    assert.match(text, /restrict=on -/);
    assert.match(text, /-sandbox on,obsolete=deny,elevateprivileges=deny,spawn=deny/);
    assert.doesNotMatch(text, /hostfwd|-vnc|OVMF|cidata/);
  });

  it("has a seed, firmware, a larger disk, and a way in that only the container sees", () => {
    const text = command(first);
    assert.match(text, /first\.qcow2 8589934592 && install .*VARS/);
    assert.match(text, /xorriso .*-V cidata .* \/seed .* && exec/);
    assert.match(text, /restrict=on,hostfwd=tcp:127\.0\.0\.1:2222-:22 /);
    assert.match(text, /if=pflash,format=raw,readonly=on,file=\S*OVMF_CODE_4M\.fd/);
  });

  it("is an overlay of another disk, or reaches the outside, only where that is asked for", () => {
    const { machine } = first!;
    const backing = { file: "/image/disk", format: "vmdk" };
    const text = qemuCommand(machine, size, { newDisk: true, backing, outside: true }).join(" ");
    assert.match(text, /qemu-img create -q -f qcow2 -F vmdk -b \/image\/disk \/overlay\//);
    assert.match(text, /restrict=off,hostfwd/);
  });

  it("boots what is on the disk already a second time", () => {
    const text = command(second, false);
    assert.doesNotMatch(text, /qemu-img|OVMF/);
    assert.match(text, /file=\/overlay\/first\.qcow2/);
  });

  it("uses the accelerator that was chosen", () => {
    assert.match(command(quick, true, "kvm"), /-accel kvm -cpu host/);
    assert.match(command(quick), /-accel tcg\S* -cpu max/);
  });
});
