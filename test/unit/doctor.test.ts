import assert from "node:assert/strict";

import { describe as describeText } from "../../cli/doctor/doctor";
import type { DaemonFacts } from "../../executors/daemon";
import { parseConversion } from "../../plan/formats";
import { readStackSettings } from "../../cli/stackSettings";
import { parseSettings } from "../../settings/stack";
import { diskNeed, diskRequirements } from "../../cli/doctor/diskSpace";
import * as judge from "../../cli/doctor/requirements";
import * as around from "../../cli/doctor/surroundings";
import {
  type KvmFacts,
  kvmRequirement,
  processorRequirement,
} from "../../cli/doctor/virtualization";

const GiB = 2 ** 30;

describe("doctor", () => {
  it("says what to do for all that is not in order, and only for that", () => {
    assert.equal(judge.nodeRequirement("20.20.2").next, "./kragle setup");
    assert.equal(judge.nodeRequirement("24.1.0").next, "");
    assert.equal(judge.dependenciesRequirement(true).status, "degraded");
  });

  it("judges Docker", () => {
    const local: DaemonFacts = {
      ...{ engine: "Docker", version: "27.1.1", storageDriver: "overlay2" },
      ...{ folder: "/var/lib/docker", confinesBySelinux: false, mapsUsers: undefined },
      endpoint: { address: "unix:///var/run/docker.sock", saidBy: undefined },
    };
    const row = (change: Partial<DaemonFacts>) => judge.dockerRequirement({ ...local, ...change });
    assert.equal(row({}).status, "ok");
    assert.equal(row({ version: "19.03.1" }).status, "missing");
    assert.equal(row({ storageDriver: "vfs" }).status, "degraded");
    const remote = { address: "ssh://builder", saidBy: "DOCKER_HOST" };
    assert.equal(row({ endpoint: remote }).status, "degraded");
    assert.match(row({ engine: "Podman", version: "4.3.1" }).found, /^this is Podman 4\.3\.1 /);
    for (const mapsUsers of ["rootless", "userns-remap"] as const) {
      assert.equal(row({ mapsUsers }).status, "missing");
      assert.match(row({ mapsUsers }).found, new RegExp(mapsUsers));
    }
    const silent = judge.dockerRequirement({ obstacle: "connect ENOENT", next: "./kragle setup" });
    assert.deepEqual([silent.status, silent.next], ["missing", "./kragle setup"]);
    assert.match(silent.found, /connect ENOENT/);
  });

  it("tells what of the network and of the processors stands in the way", () => {
    assert.equal(judge.networkRequirement("works").status, "ok");
    assert.equal(judge.networkRequirement("untried").status, "degraded");
    const broken = { obstacle: "no bridge", next: "restart Docker" };
    assert.equal(judge.networkRequirement(broken).next, "restart Docker");
    assert.equal(judge.processorsRequirement(64, 2).status, "degraded");
    assert.equal(judge.processorsRequirement(2, 2).status, "ok");
  });

  it("judges memory by what is there, and what of it is free", () => {
    const memory = (total: number, available: number) =>
      judge.memoryRequirement({ total: total * GiB, available: available * GiB }, 1024).status;
    assert.equal(memory(4, 3), "ok");
    assert.equal(memory(4, 1), "degraded");
    assert.equal(memory(1, 1), "missing");
  });

  it("asks for a registry only where nothing else gives a base image", () => {
    const facts = {
      reference: "debian:bookworm-slim",
      obstacle: "no such host" as string | undefined,
      present: undefined as string | undefined,
      replaceable: true,
      mmdebstrap: false,
    };
    const status = (change: Partial<typeof facts>) =>
      around.registryRequirement({ ...facts, ...change }).status;
    assert.equal(status({ obstacle: undefined }), "ok");
    assert.equal(status({ present: "kragle-base:bookworm" }), "ok");
    assert.equal(status({ mmdebstrap: true }), "degraded");
    assert.equal(status({}), "missing");
    assert.equal(status({ replaceable: false, mmdebstrap: true }), "missing");
  });

  it("takes a machine without Pulumi's CLI as one with a drawback", () => {
    assert.equal(around.pulumiRequirement("3.259.0", [3, 250]).status, "ok");
    const none = around.pulumiRequirement(undefined, [3, 250]);
    assert.equal(none.status, "degraded");
    assert.match(none.found, /embedded engine/);
    const old = around.pulumiRequirement("v3.100.0", [3, 250]);
    assert.equal(old.status, "degraded");
    assert.match(old.found, /^v3\.100\.0, which is too old; /);
  });

  it("says of SELinux what it means for kragle's folder", () => {
    const found = (enforcing: boolean, confinesContainers: boolean) => {
      const { status, found } = around.selinuxRequirement({ enforcing, confinesContainers });
      assert.equal(status, "ok");
      return found;
    };
    assert.match(found(true, true), /^enforcing; .* container_file_t$/);
    assert.equal(found(true, false), "enforcing, not for containers");
    assert.equal(found(false, true), "not enforcing");
  });

  it("names the ISO that is there, or what to do for one", () => {
    const wanted = {
      kind: "iso" as const,
      path: "build/x/os/x.iso",
      urls: [],
      digest: { algorithm: "sha256" as const, hex: "0".repeat(64) },
    };
    const judge = (change: Partial<around.SourceFacts>) =>
      around.sourceRequirement({ wanted, found: undefined, installed: false, ...change });
    assert.equal(judge({ found: "/srv/x.iso" }).status, "ok");
    const missing = judge({});
    assert.equal(missing.status, "missing");
    assert.equal(missing.need, `build/x/os/x.iso with the SHA-256 ${wanted.digest.hex}`);
    assert.match(missing.next, /the setting isoPath or isoUrls/);
    assert.equal(judge({ installed: true }).status, "degraded");
    const urls = ["https://u:secret@host.example/x.iso?token=secret"];
    assert.equal(judge({ wanted: { ...wanted, urls } }).found, "is fetched from host.example");
  });

  it("names the disk that an image begins with, and the settings by which it is given", () => {
    const digest = { algorithm: "sha512" as const, hex: "0".repeat(128) };
    const wanted = { kind: "disk" as const, path: null, urls: [], digest };
    const row = around.sourceRequirement({ wanted, found: undefined, installed: false });
    assert.equal(row.name, "Disk to begin with");
    assert.equal(row.need, `a file with the SHA-512 ${digest.hex}`);
    assert.match(row.next, /the setting from\.path or from\.url/);
  });

  it("warns of a proxy that containers cannot reach", () => {
    const status = (proxy: string) => around.proxyRequirement({ https_proxy: proxy })?.status;
    assert.equal(status("http://proxy.example.com:3128"), "ok");
    for (const proxy of ["http://127.0.0.1:3128", "localhost:3128", "http://a:b@localhost:1"]) {
      assert.equal(status(proxy), "degraded", proxy);
    }
    assert.equal(around.proxyRequirement({ no_proxy: "localhost" }), undefined);
  });
});

describe("doctor on virtualization", () => {
  const intel = { architecture: "x64", flags: ["fpu", "vmx"] };
  const guest = { architecture: "x64", flags: ["fpu", "hypervisor"] };
  const works = { works: true, reason: "KVM works" };
  const fails = { works: false, reason: "KVM cannot be used" };
  const kvm = (change: Partial<KvmFacts>, processor = intel) =>
    kvmRequirement({ setting: "auto", device: "device", probe: works, ...change }, processor);

  it("believes a guest that ran, not flags or a device that opens", () => {
    assert.equal(kvm({}).status, "ok");
    assert.equal(kvm({ probe: fails }).status, "degraded");
    assert.equal(kvm({ probe: fails, setting: "kvm" }).status, "missing");
    assert.equal(processorRequirement(guest, true).status, "ok");
  });

  it("does not guess before there is an image to run a guest in", () => {
    const unknown = kvm({ probe: undefined });
    assert.equal(unknown.status, "degraded");
    assert.match(unknown.found, /not known until the builder image exists/);
  });

  it("names what stands in the way", () => {
    assert.match(kvm({ device: "absent", probe: undefined }).next, /modprobe kvm_intel/);
    assert.match(kvm({ device: "absent", probe: undefined }, guest).next, /see Processor/);
    assert.match(kvm({ device: "directory", probe: undefined }).next, /rmdir \/dev\/kvm/);
    assert.match(processorRequirement(guest, false).next, /nested virtualization/);
    assert.match(processorRequirement({ ...guest, flags: [] }, false).next, /firmware/);
    assert.equal(
      processorRequirement({ architecture: "arm64", flags: [] }, false).status,
      "missing",
    );
  });

  it("asks nothing where software emulation is set", () => {
    assert.equal(kvm({ setting: "tcg", device: "absent", probe: undefined }).status, "ok");
  });
});

describe("doctor on disk space", () => {
  const settings = {
    diskBytes: 4 * GiB,
    formats: [],
    expectedImageBytes: GiB,
    builder: false,
    installer: false,
    fetches: null,
  };
  const need = (formats: unknown[]) =>
    diskNeed({ ...settings, formats: formats.map(parseConversion) });

  it("counts base, overlay, image, boot, conversions and the release, with a fifth on top", () => {
    assert.deepEqual(need([]), {
      store: Math.ceil(3.25 * GiB * 1.2),
      output: Math.ceil(GiB * 1.2),
      docker: 0,
    });
    const one = need(["raw"]);
    assert.equal(one.store, Math.ceil(4.25 * GiB * 1.2));
    assert.equal(one.output, Math.ceil(2 * GiB * 1.2));
  });

  it("counts the whole disk for a format of fixed size, and never more than it for the image", () => {
    assert.equal(need([{ format: "vhd", subformat: "fixed" }]).output, Math.ceil(5 * GiB * 1.2));
    const full = diskNeed({ ...settings, expectedImageBytes: 9 * GiB });
    assert.equal(full.output, Math.ceil(4 * GiB * 1.2));
  });

  it("counts an installation's leavings and an ISO that is to be fetched", () => {
    const { store } = diskNeed({ ...settings, installer: true, fetches: "iso" });
    assert.equal(store, Math.ceil((3.25 + 0.5 + 4.5) * GiB * 1.2));
  });

  it("asks for 25 GB where RHEL is built as its stack has it", () => {
    const { diskBytes, formats, template } = parseSettings(
      { ...readStackSettings("rhel7").values, isoSha256: "0".repeat(64) },
      "rhel7",
    );
    const { expectedImageBytes } = template.medium!;
    const { store, output } = diskNeed({
      ...{ ...settings, installer: true },
      ...{ diskBytes, formats, expectedImageBytes },
    });
    assert.ok(store + output >= 25e9 && store + output < 30e9, String(store + output));
  });

  it("adds up what lies on one device", () => {
    const place = (name: string, device: number, freeGiB: number) => ({
      name,
      device,
      needBytes: 6 * GiB,
      freeBytes: freeGiB * GiB,
    });
    const statuses = (...places: ReturnType<typeof place>[]) =>
      diskRequirements(places).map(({ status }) => status);
    assert.deepEqual(statuses(place("store", 1, 7), place("output", 2, 7)), ["ok", "ok"]);
    assert.deepEqual(statuses(place("store", 1, 7), place("output", 1, 7)), ["missing"]);
    assert.deepEqual(statuses(place("store", 1, 11), place("output", 1, 11)), ["degraded"]);
    assert.match(diskRequirements([place("store", 1, 1)])[0]!.next, /kragle gc/);
  });
});

describe("doctor's text", () => {
  it("is aligned, and has what to do below what is not in order", () => {
    const text = describeText([
      judge.nodeRequirement("24.1.0"),
      judge.verdict("A longer name", "missing", "nothing", "something", "get it"),
    ]);
    assert.equal(
      text,
      [
        "ok        Node           24.1.0",
        "missing   A longer name  nothing",
        "                         needed: something",
        "                         next: get it",
        "",
      ].join("\n"),
    );
  });
});
