import * as command from "@pulumi/command";
import * as libvirt from "@pulumi/libvirt";
import * as pulumi from "@pulumi/pulumi";

import { type Architecture, ARCHITECTURES } from "../plan/architecture";
import type { AcceleratorSetting } from "../plan/imageSpec";
import { type Reach, runsStage } from "../plan/invocation";
import { LIBVIRT_POOL } from "../plan/libvirt";
import { type AnswerTo, domainType, type RequestTo } from "../plan/stages/questions";
import type { LibvirtGuestSpec } from "../plan/stages/smoke";
import { printedAnswer } from "./stageCommand";

/** What a guest under libvirt is made of. */
export interface LibvirtDomainArgs {
  uri: string;
  /** Begins the name of everything that is made in libvirt, so that stacks and clones can share a daemon. */
  label: string;
  /** Path of the image's file for a provider, which works where commands do. */
  imageFile: string;
  architecture: Architecture;
  diskBytes: number;
  memoryMiB: number;
  cpus: number;
  accelerator: AcceleratorSetting;
}

interface OfImage {
  reach: Reach;
  toolsImage: pulumi.Input<string>;
  imageSha256: pulumi.Input<string>;
}

/**
 * Defines a guest under libvirt, and does not start it: a copy of the image and an overlay of it in the pool (libvirt changes
 * the owner of the files that it opens), a file for the serial console, and the domain.
 *
 * @returns the domain, and what the stage that boots it has to know
 */
export function libvirtDomain(
  name: string,
  args: LibvirtDomainArgs & OfImage,
  parent: pulumi.Resource,
): { domain: libvirt.Domain; spec: pulumi.Output<LibvirtGuestSpec> } {
  const { uri, label, accelerator, diskBytes } = args;
  const provider = new libvirt.Provider(`${name}-libvirt`, { uri }, { parent });
  const { toolsImage, imageSha256 } = args;
  const question = pulumi
    .all([toolsImage, imageSha256])
    .apply(([tools, sha256]): RequestTo<typeof domainType> => ({
      ...{ uri, accelerator, toolsImage: tools, imageSha256: sha256 },
    }));
  const decision = new command.local.Command(
    `${name}-type`,
    {
      create: runsStage(args.reach.kragle, { stage: domainType.name }),
      stdin: question.apply((request) => JSON.stringify(request)),
      addPreviousOutputInEnv: false,
      logging: "stderr",
    },
    { parent },
  );
  const type = printedAnswer<AnswerTo<typeof domainType>>(decision).apply((answer) => answer.type);
  // names with the digest, because what replaces a volume is made before the old one is deleted
  const version = pulumi.output(imageSha256).apply((sha256) => sha256.slice(0, 12));
  const volume = (kind: string, extension: string, volumeArgs: Partial<libvirt.VolumeArgs>) =>
    new libvirt.Volume(
      `${name}-${kind}`,
      {
        name: pulumi.interpolate`${label}-${version}-${kind}.${extension}`,
        pool: LIBVIRT_POOL,
        ...volumeArgs,
      },
      // where the image's file lies on this machine makes no difference; its digest stands in the name
      { parent, provider, ignoreChanges: ["create"] },
    );
  const qcow2 = { format: { type: "qcow2" } };
  const image = volume("image", "qcow2", {
    target: qcow2,
    create: { content: { url: args.imageFile } },
  });
  const overlay = volume("overlay", "qcow2", {
    target: qcow2,
    capacity: diskBytes,
    backingStore: { path: image.path, ...qcow2 },
  });
  const serial = volume("serial", "log", { target: { format: { type: "raw" } }, capacity: 0 });
  const domain = new libvirt.Domain(
    `${name}-domain`,
    {
      name: label,
      type,
      // libvirt reports KiB; another unit would look like a change
      memory: args.memoryMiB * 1024,
      memoryUnit: "KiB",
      vcpu: args.cpus,
      os: { type: "hvm", typeArch: ARCHITECTURES[args.architecture].libvirt, typeMachine: "q35" },
      features: { acpi: true },
      cpu: { mode: "maximum" },
      // the first boot is the proof: a guest that restarts or panics has failed it
      onPoweroff: "destroy",
      onReboot: "destroy",
      onCrash: "destroy",
      devices: devices(overlay.path, serial.path),
    },
    { parent, provider, deleteBeforeReplace: true },
  );
  const spec = pulumi.output({
    ...{ uri, domain: label, type, pool: LIBVIRT_POOL, diskBytes },
    ...{ image: image.name, overlay: overlay.name, serial: serial.name },
  });
  return { domain, spec };
}

function devices(disk: pulumi.Output<string>, log: pulumi.Output<string>): libvirt.DomainDevices {
  return {
    disks: [
      {
        driver: { name: "qemu", type: "qcow2", cache: "unsafe", discard: "unmap" },
        source: { file: { file: disk } },
        target: { dev: "vda", bus: "virtio" },
      },
    ],
    // a network inside of QEMU: none of the host's is touched
    interfaces: [{ source: { user: {} }, model: { type: "virtio" } }],
    serials: [{ source: { file: { path: log, append: "on" } }, target: { port: 0 } }],
    channels: [{ source: { unix: {} }, target: { virtIo: { name: "org.qemu.guest_agent.0" } } }],
    // without a video device GRUB shows nothing, on the serial console neither; all that libvirt adds by itself is written out, else it would look like a change
    videos: [{ model: { type: "vga", vram: 16384, heads: 1, primary: "yes" } }],
    rngs: [{ model: "virtio", backend: { random: "/dev/urandom" } }],
    panics: [{ model: "isa" }],
  };
}
