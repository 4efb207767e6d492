import * as pulumi from "@pulumi/pulumi";

import { registerLibvirt } from "./parameterizedPackage";

type Text = pulumi.Input<string>;

/** See https://libvirt.org/formatdomain.html#devices; the names follow its elements and attributes. */
export interface DomainDevices {
  disks?: {
    /** "disk" unless it is a "cdrom". */
    device?: Text;
    driver?: { name: Text; type: Text; cache?: Text; discard?: Text };
    source: { file: { file: Text } };
    target: { dev: Text; bus: Text };
    readOnly?: boolean;
  }[];
  interfaces?: {
    source:
      { user: { dev?: Text } } | { network: { network: Text } } | { bridge: { bridge: Text } };
    model: { type: Text };
  }[];
  serials?: { source: { file: { path: Text; append?: Text } }; target: { port: number } }[];
  channels?: { source: { unix: object }; target: { virtIo: { name: Text } } }[];
  videos?: { model: { type: Text; vram?: number; heads?: number; primary?: Text } }[];
  rngs?: { model: Text; backend: { random: Text } }[];
  panics?: { model: Text }[];
}

/** Arguments of {@link Domain}. See https://libvirt.org/formatdomain.html. */
export interface DomainArgs {
  name: Text;
  /** "kvm", or "qemu" for software emulation. */
  type: Text;
  memory: pulumi.Input<number>;
  /** Unit of the memory, which is KiB in what libvirt reports. */
  memoryUnit: Text;
  vcpu: pulumi.Input<number>;
  /** @example { type: "hvm", typeArch: "x86_64", typeMachine: "q35" } */
  os: { type: Text; typeArch?: Text; typeMachine?: Text; firmware?: Text };
  features?: { acpi?: boolean; apic?: object };
  cpu?: { mode: Text };
  onPoweroff?: Text;
  onReboot?: Text;
  onCrash?: Text;
  devices: DomainDevices;
  /** Whether it is started; defaults to being only defined. */
  running?: boolean;
}

/** A virtual machine. Deleting it pulls its plug where it runs; its volumes are not touched. */
export class Domain extends pulumi.CustomResource {
  declare readonly name: pulumi.Output<string>;
  declare readonly uuid: pulumi.Output<string>;

  constructor(name: string, args: DomainArgs, opts?: pulumi.CustomResourceOptions) {
    super(
      "libvirt:index/domain:Domain",
      name,
      { ...args, uuid: undefined },
      opts,
      false,
      registerLibvirt(),
    );
  }
}
