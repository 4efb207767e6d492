import type { z } from "zod";

import type { DiskController, NetworkCard } from "./devices";
import type { firmware } from "./stages/fields";

/** What a hypervisor, a cloud or hardware wants of an image, as its documentation says. */
export interface PlatformFacts {
  /** For people. */
  readonly title: string;
  /** How the image gets there, in Markdown, where there are several ways. */
  readonly by?: string;
  /**
   * Entries of the setting `formats` that it takes, the first of which is what is best written. It takes a file with more options
   * than an entry has, too; "qcow2" is the image itself.
   */
  readonly formats: readonly [string, ...string[]];
  /** What its machines can start by. */
  readonly firmware: readonly z.infer<typeof firmware>[];
  /** Controllers that the disk can be at; a new machine has the first. */
  readonly disks: readonly [DiskController, ...DiskController[]];
  /** The same for the network. */
  readonly cards: readonly [NetworkCard, ...NetworkCard[]];
  /** The disk's size has to be a multiple of this: MiB or GiB. */
  readonly whole?: "MiB" | "GiB";
  /** In bytes; absent where no disk is too large that a format can hold. */
  readonly maximumDiskBytes?: number;
  /** What answers the platform in the guest, in Markdown. */
  readonly agent: string;
  /** Debian's package of that agent, where no template brings it along. */
  readonly agentPackage?: string;
  /** Whether kragle boots images there itself. */
  readonly tried: boolean;
  /** Where all of this stands: addresses, or files of docs/. */
  readonly sources: readonly string[];
}

const QEMU_AGENT = "QEMU guest agent, on board";
const BOTH = ["bios", "uefi"] as const;
const VSPHERE_CONTROLLERS =
  "https://docs.vmware.com/en/VMware-vSphere/5.5/com.vmware.vsphere.hostclient.doc/GUID-5872D173-A076-42FE-8D0B-9DB0EB0E7362.html";

/** What the machines of both VMware's products have. */
const VMWARE = {
  firmware: BOTH,
  disks: ["LSI Logic", "PVSCSI", "AHCI", "NVMe"],
  cards: ["e1000", "VMXNET3"],
  agent: "`open-vm-tools`",
  agentPackage: "open-vm-tools",
  tried: false,
} as const;

/** And those of both generations of Hyper-V. */
const HYPERV = {
  disks: ["Hyper-V SCSI"],
  cards: ["Hyper-V network"],
  agent: "kernel's own (`hv_utils`)",
  tried: false,
  sources: [
    "https://learn.microsoft.com/windows-server/virtualization/hyper-v/plan/should-i-create-a-generation-1-or-2-virtual-machine-in-hyper-v",
  ],
} as const;

const platforms = <K extends string>(table: Readonly<Record<K, PlatformFacts>>) => table;

export const PLATFORMS = platforms({
  qemu: {
    title: "QEMU/KVM, libvirt",
    formats: ["qcow2", "raw"],
    firmware: BOTH,
    disks: ["virtio-blk", "virtio-scsi", "AHCI", "NVMe"],
    cards: ["virtio-net", "e1000"],
    agent: QEMU_AGENT,
    tried: true,
    sources: ["proof.md", "libvirt.md"],
  },
  proxmox: {
    title: "Proxmox VE",
    formats: ["qcow2", "raw", "vmdk"],
    firmware: BOTH,
    disks: ["virtio-scsi", "virtio-blk", "AHCI"],
    cards: ["virtio-net", "e1000", "VMXNET3"],
    agent: QEMU_AGENT,
    tried: false,
    sources: ["https://pve.proxmox.com/pve-docs/chapter-qm.html"],
  },
  openstack: {
    title: "OpenStack",
    formats: ["qcow2", "raw"],
    firmware: BOTH,
    disks: ["virtio-blk", "virtio-scsi"],
    cards: ["virtio-net", "e1000"],
    agent: QEMU_AGENT,
    tried: false,
    sources: ["https://docs.openstack.org/glance/latest/admin/useful-image-properties.html"],
  },
  kubevirt: {
    title: "KubeVirt",
    formats: ["qcow2", "raw"],
    firmware: BOTH,
    disks: ["virtio-blk", "virtio-scsi", "AHCI"],
    cards: ["virtio-net", "e1000"],
    agent: QEMU_AGENT,
    tried: false,
    sources: ["https://kubevirt.io/user-guide/compute/virtual_hardware/"],
  },
  virtualbox: {
    title: "VirtualBox",
    formats: ["vdi", "vmdk", "vhd"],
    firmware: BOTH,
    disks: ["AHCI", "IDE (PIIX4)", "virtio-scsi"],
    cards: ["e1000", "virtio-net"],
    agent: "–",
    tried: false,
    sources: ["https://www.virtualbox.org/manual/ch05.html"],
  },
  vmware: {
    ...VMWARE,
    title: "VMware Workstation, Fusion",
    formats: ["vmdk:adapter_type=lsilogic,hwversion=13", "vmdk"],
    sources: ["https://kb.vmware.com/s/article/1003746", VSPHERE_CONTROLLERS],
  },
  vsphere: {
    ...VMWARE,
    title: "VMware vSphere",
    by: "an OVF or `govc import.vmdk`",
    formats: [
      "vmdk:subformat=streamOptimized,adapter_type=lsilogic,hwversion=13",
      "vmdk:subformat=streamOptimized",
    ],
    sources: ["https://github.com/vmware/govmomi/blob/main/govc/USAGE.md", VSPHERE_CONTROLLERS],
  },
  "hyperv-gen1": {
    ...HYPERV,
    title: "Hyper-V, generation 1",
    formats: ["vhdx", "vhd"],
    firmware: ["bios"],
    maximumDiskBytes: 2 ** 41,
  },
  "hyperv-gen2": {
    ...HYPERV,
    title: "Hyper-V, generation 2",
    formats: ["vhdx"],
    firmware: ["uefi"],
  },
  azure: {
    title: "Azure, generation 1 (BIOS) and 2 (UEFI)",
    formats: ["vhd:subformat=fixed"],
    firmware: BOTH,
    disks: ["Hyper-V SCSI", "NVMe"],
    cards: ["Hyper-V network", "MANA", "mlx5"],
    whole: "MiB",
    agent: "`waagent`",
    agentPackage: "waagent",
    tried: false,
    sources: ["https://learn.microsoft.com/azure/virtual-machines/linux/create-upload-generic"],
  },
  aws: {
    title: "AWS",
    by: "VM Import",
    formats: ["raw", "vmdk:subformat=streamOptimized", "vhd", "vhdx"],
    firmware: BOTH,
    disks: ["NVMe", "Xen disk"],
    cards: ["ENA", "Xen network"],
    agent: "cloud-init, on board",
    tried: false,
    sources: ["https://docs.aws.amazon.com/vm-import/latest/userguide/prerequisites.html"],
  },
  gcp: {
    title: "Google Cloud",
    by: "a tar archive with `disk.raw`",
    formats: ["raw"],
    firmware: BOTH,
    disks: ["virtio-scsi", "NVMe"],
    cards: ["virtio-net", "gVNIC"],
    whole: "GiB",
    agent: "`google-guest-agent`",
    agentPackage: "google-guest-agent",
    tried: false,
    sources: ["https://cloud.google.com/compute/docs/import/import-existing-image"],
  },
  xen: {
    title: "XenServer, XCP-ng",
    formats: ["vhd", "vmdk", "vhdx"],
    firmware: BOTH,
    disks: ["Xen disk"],
    cards: ["Xen network"],
    agent: "a script of yours installs its tools",
    tried: false,
    sources: [
      "https://docs.xenserver.com/en-us/xencenter/current-release/vms-exportimport-diskimage.html",
    ],
  },
  metal: {
    title: "hardware",
    // `./kragle write` writes the image itself
    formats: ["qcow2", "raw", "raw.zst"],
    firmware: BOTH,
    disks: ["AHCI", "NVMe"],
    cards: ["e1000e", "igb", "ixgbe", "r8169", "tg3", "bnxt"],
    agent: "–",
    tried: false,
    sources: ["../README.md"],
  },
});

/** Where an image can be meant to run. */
export type Platform = keyof typeof PLATFORMS;

export const PLATFORM_NAMES = Object.keys(PLATFORMS) as Platform[];
