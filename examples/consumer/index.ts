import { createHash } from "node:crypto";

import * as libvirt from "@pulumi/libvirt";
import * as pulumi from "@pulumi/pulumi";

const config = new pulumi.Config();
const pool = config.require("pool");
const name = `consumer-${pulumi.getStack()}`;

// What kragle has proven and released: the path and the digest belong together, see docs/outputs.md.
const image = new pulumi.StackReference(config.require("imageStack"));
const imagePath = image.requireOutput("imagePath") as pulumi.Output<string>;
const imageSha256 = image.requireOutput("imageSha256") as pulumi.Output<string>;

const qcow2 = { format: { type: "qcow2" } };

// A volume is named after its content, so that new content makes a new volume before the old one goes.
const base = new libvirt.Volume(
  "image",
  {
    name: pulumi.interpolate`${name}-${imageSha256.apply((sha256) => sha256.slice(0, 12))}.qcow2`,
    pool,
    target: qcow2,
    create: { content: { url: imagePath } },
  },
  { ignoreChanges: ["create"] },
);
const disk = new libvirt.Volume("disk", {
  name: pulumi.interpolate`${base.name}-disk.qcow2`,
  pool,
  target: qcow2,
  capacity: config.requireNumber("diskGiB") * 2 ** 30,
  backingStore: { path: base.path, ...qcow2 },
});

// The image has no user, no password and no key of its own; cloud-init makes them of this seed. JSON is YAML.
const userData = `#cloud-config\n${JSON.stringify({
  users: [
    {
      name: config.require("user"),
      shell: "/bin/bash",
      sudo: "ALL=(ALL) NOPASSWD:ALL",
      ssh_authorized_keys: [config.get("sshKey")].filter(Boolean),
    },
  ],
})}\n`;
const version = createHash("sha256").update(userData).digest("hex").slice(0, 12);
const metaData = JSON.stringify({ "instance-id": version, "local-hostname": name });
const iso = new libvirt.CloudinitDisk("seed", { name, userData, metaData });
const seed = new libvirt.Volume(
  "seed",
  { name: `${name}-seed-${version}.iso`, pool, create: { content: { url: iso.path } } },
  { ignoreChanges: ["create"] },
);

const machine = new libvirt.Domain(
  "machine",
  {
    name,
    type: config.require("type"),
    running: true,
    memory: 1024 * 1024,
    memoryUnit: "KiB",
    vcpu: 2,
    os: { type: "hvm", typeArch: "x86_64", typeMachine: "q35" },
    features: { acpi: true },
    cpu: { mode: "maximum" },
    devices: {
      disks: [
        {
          driver: { name: "qemu", type: "qcow2" },
          source: { file: { file: disk.path } },
          target: { dev: "vda", bus: "virtio" },
        },
        {
          driver: { name: "qemu", type: "raw" },
          source: { file: { file: seed.path } },
          target: { dev: "vdb", bus: "virtio" },
          readOnly: true,
        },
      ],
      // outgoing only; { network: { network: "default" } } gives it an address that others can reach
      interfaces: [{ source: { user: {} }, model: { type: "virtio" } }],
      channels: [{ source: { unix: {} }, target: { virtIo: { name: "org.qemu.guest_agent.0" } } }],
      videos: [{ model: { type: "vga", vram: 16384, heads: 1, primary: "yes" } }],
      rngs: [{ model: "virtio", backend: { random: "/dev/urandom" } }],
    },
  },
  { deleteBeforeReplace: true },
);

export const domain = machine.name;
export const bootedFrom = imageSha256;
