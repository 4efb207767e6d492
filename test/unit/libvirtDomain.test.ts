import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import * as pulumi from "@pulumi/pulumi";

import { SmokeDomain, type SmokeDomainArgs } from "../../components/smokeDomain";
import { OWN_REACH } from "../../plan/invocation";
import { planProof } from "../../plan/proofPlan";
import { projectFolder } from "../../host/project";
import { type MockRun, type Registered, requestOf, UNKNOWN, withMocks } from "../mocks";
import { libvirtGuest } from "../../infra/libvirtGuest";
import { shortIdentity, type StackIdentity } from "../../plan/identity";
import { ownerOf } from "../stacks";
import { TemporaryStore } from "../temporaryStore";
import { digest, sampleFiles, sampleSha256, sampleSpec } from "../samples";

const spec = { ...sampleSpec, smoke: "libvirt" } as const;
const planned = planProof(spec, sampleFiles, sampleSha256).smoke!;

const request: SmokeDomainArgs["request"] = {
  diskBytes: 2 ** 32,
  accelerator: "auto",
  timeoutSeconds: 180,
  silenceSeconds: 600,
};

const LABEL = "kragle-dev-0123456789ab";
const volumeName = (kind: string) => `${LABEL}-aaaaaaaaaaaa-${kind}`;
const path = (name: unknown) => `/pool/${String(name)}`;

const outputs = (resource: Registered) => {
  if (resource.name === "smoke-type") return { stdout: '{"type":"kvm"}' };
  return resource.type.endsWith(":Volume") ? { path: path(resource.inputs.name) } : {};
};

const run = (preview = false, imageSha256: pulumi.Input<string> = sampleSha256) =>
  withMocks(
    () => {
      new SmokeDomain("smoke", {
        ...{ stack: "dev", reach: OWN_REACH },
        toolsImage: "kragle-tools:1",
        imageKey: digest("1"),
        imageSha256,
        planned,
        request,
        marker: undefined,
        libvirt: {
          uri: "qemu:///system",
          label: LABEL,
          imageFile: ".kragle/store/image-1/image.qcow2",
          architecture: "amd64",
          diskBytes: 2 ** 32,
          memoryMiB: 1024,
          cpus: 2,
          accelerator: "auto",
        },
      });
    },
    { preview, outputs: preview ? () => ({}) : outputs },
  );

describe("the names of what libvirt has", () => {
  it("are of whose the stack is, also where clones, backends and projects share a home", () => {
    const at = new TemporaryStore();
    const owner = ownerOf(at.home, "dev");
    const others: Partial<StackIdentity>[] = [
      {},
      { clone: "another" },
      { backend: "file:///another" },
      { project: "another" },
      { stack: "another" },
    ];
    const label = (other: Partial<StackIdentity>) =>
      libvirtGuest(at.home, sampleSpec, { ...owner, ...other }, digest("1")).label;
    assert.equal(new Set(others.map(label)).size, others.length);
    assert.equal(label({}), `kragle-dev-${shortIdentity(owner)}`);
    at.remove();
  });
});

describe("SmokeDomain with the driver libvirt", () => {
  let mocks: MockRun<void>;
  before(async () => {
    mocks = await run();
  });

  it("is a provider, a decision, three volumes, a domain, and the command of smoke", () => {
    assert.deepEqual(
      mocks.resources.map(({ type, name, parent }) => `${type} ${name} < ${parent}`).sort(),
      [
        "command:local:Command smoke < smoke",
        "command:local:Command smoke-type < smoke",
        "kragle:index:SmokeDomain smoke < ",
        "libvirt:index/domain:Domain smoke-domain < smoke",
        "libvirt:index/volume:Volume smoke-image < smoke",
        "libvirt:index/volume:Volume smoke-overlay < smoke",
        "libvirt:index/volume:Volume smoke-serial < smoke",
        "pulumi:providers:libvirt smoke-libvirt < smoke",
      ],
    );
    assert.deepEqual(mocks.find("smoke-libvirt").inputs, { uri: "qemu:///system" });
  });

  it("decides of the domain's type anew for each image", () => {
    const { inputs } = mocks.find("smoke-type");
    assert.equal(inputs.create, "exec ./kragle stage domain-type");
    assert.deepEqual(JSON.parse(String(inputs.stdin)), {
      uri: "qemu:///system",
      accelerator: "auto",
      toolsImage: "kragle-tools:1",
      imageSha256: sampleSha256,
    });
  });

  it("puts a copy of the image, an overlay and a file for the console into the pool", () => {
    const qcow2 = { format: { type: "qcow2" } };
    assert.deepEqual(mocks.find("smoke-image").inputs, {
      name: volumeName("image.qcow2"),
      pool: "default",
      target: qcow2,
      create: { content: { url: ".kragle/store/image-1/image.qcow2" } },
    });
    assert.deepEqual(mocks.find("smoke-image").options.ignoreChanges, ["create"]);
    assert.deepEqual(mocks.find("smoke-overlay").inputs, {
      name: volumeName("overlay.qcow2"),
      pool: "default",
      target: qcow2,
      capacity: 4_294_967_296,
      backingStore: { path: path(volumeName("image.qcow2")), ...qcow2 },
    });
    assert.deepEqual(mocks.find("smoke-serial").inputs, {
      name: volumeName("serial.log"),
      pool: "default",
      target: { format: { type: "raw" } },
      capacity: 0,
    });
  });

  it("defines the domain, which nothing starts", () => {
    const { inputs, options } = mocks.find("smoke-domain");
    const { devices, ...rest } = inputs;
    assert.deepEqual(rest, {
      name: LABEL,
      type: "kvm",
      memory: 1_048_576,
      memoryUnit: "KiB",
      vcpu: 2,
      os: { type: "hvm", typeArch: "x86_64", typeMachine: "q35" },
      features: { acpi: true },
      cpu: { mode: "maximum" },
      onPoweroff: "destroy",
      onReboot: "destroy",
      onCrash: "destroy",
    });
    assert.deepEqual(devices, {
      disks: [
        {
          driver: { name: "qemu", type: "qcow2", cache: "unsafe", discard: "unmap" },
          source: { file: { file: path(volumeName("overlay.qcow2")) } },
          target: { dev: "vda", bus: "virtio" },
        },
      ],
      interfaces: [{ source: { user: {} }, model: { type: "virtio" } }],
      serials: [
        {
          source: { file: { path: path(volumeName("serial.log")), append: "on" } },
          target: { port: 0 },
        },
      ],
      channels: [{ source: { unix: {} }, target: { virtIo: { name: "org.qemu.guest_agent.0" } } }],
      videos: [{ model: { type: "vga", vram: 16384, heads: 1, primary: "yes" } }],
      rngs: [{ model: "virtio", backend: { random: "/dev/urandom" } }],
      panics: [{ model: "isa" }],
    });
    assert.equal(options.deleteBeforeReplace, true);
  });

  it("tells the stage what to boot, and lets it wait for the domain", () => {
    const boot = mocks.find("smoke");
    assert.deepEqual(boot.dependsOn, [
      ...["smoke-domain", "smoke-image", "smoke-overlay", "smoke-serial", "smoke-type"],
    ]);
    assert.deepEqual(requestOf(boot), {
      project: "kragle",
      stack: "dev",
      root: "smoke",
      description: planned.description,
      request: {
        ...request,
        toolsImage: "kragle-tools:1",
        imageKey: digest("1"),
        libvirt: {
          uri: "qemu:///system",
          domain: LABEL,
          type: "kvm",
          pool: "default",
          diskBytes: 4_294_967_296,
          image: volumeName("image.qcow2"),
          overlay: volumeName("overlay.qcow2"),
          serial: volumeName("serial.log"),
        },
      },
    });
  });

  it("is the same in a preview in which the image is not known yet", async () => {
    const preview = await run(true, pulumi.unknown as never);
    const names = ({ resources }: MockRun<void>) => resources.map(({ name }) => name).sort();
    assert.deepEqual(names(preview), names(mocks));
    assert.equal(preview.find("smoke-image").inputs.name, UNKNOWN);
    assert.equal(preview.find("smoke-domain").inputs.type, UNKNOWN);
    assert.equal(preview.find("smoke").inputs.stdin, UNKNOWN);
  });
});

describe("who does not boot under libvirt", () => {
  it("does not load its SDK", () => {
    const load =
      'require("./infra/program"); console.log(JSON.stringify(Object.keys(require.cache)))';
    // in a process of its own, which has loaded nothing yet
    const said = execFileSync(process.execPath, ["--require", "./setup/loader.cjs", "-e", load], {
      cwd: projectFolder,
      encoding: "utf8",
    });
    const loaded = JSON.parse(said) as string[];
    assert.ok(loaded.some((file) => file.endsWith("components/smokeDomain.ts")));
    assert.ok(!loaded.some((file) => file.includes("sdks/libvirt")));
  });

  it("downloads no plugin for it: the Pulumi CLI looks for those of packages with this mark", () => {
    const file = join(projectFolder, "sdks/libvirt/package.json");
    const manifest = JSON.parse(readFileSync(file, "utf8")) as Record<string, unknown>;
    assert.equal(manifest.name, "@pulumi/libvirt");
    assert.equal(manifest.pulumi, undefined);
  });
});

describe("the key of smoke", () => {
  const keyOf = (change: object) =>
    planProof({ ...sampleSpec, ...change }, sampleFiles, sampleSha256).smoke!.key;

  it("depends on the driver, and on the daemon only where libvirt is the driver", () => {
    const keys = [
      keyOf({}),
      keyOf({ smoke: "libvirt" }),
      keyOf({ smoke: "libvirt", libvirtUri: "qemu+ssh://root@host/system" }),
    ];
    assert.equal(new Set(keys).size, 3);
    assert.equal(keyOf({ libvirtUri: "qemu+ssh://root@host/system" }), keys[0]);
  });
});
