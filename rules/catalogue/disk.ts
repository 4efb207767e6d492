import type { Rule } from "../rule";
import { KRAGLE, SYSTEMD } from "./sources";

/** The disk itself: qcow2, partitions, file systems, boot loaders. */
export const disk: readonly Rule[] = [
  {
    id: "disk.consistent",
    asserts: "the qcow2 is whole and without leaked clusters",
    assertion: { probe: "qcow2Consistent" },
    reason: "qemu-img convert fills what a damaged file lacks with zeroes, and succeeds",
    source: "qemu-img(1), check",
  },
  {
    id: "disk.standalone",
    asserts: "the qcow2 has no backing file, snapshot, bitmap or encryption",
    assertion: { probe: "qcow2Standalone" },
    reason: "it would need, or hide, other data",
    source: "qemu-img(1), info",
  },
  {
    id: "disk.partition-table",
    asserts: "the partition table is valid, and both copies of a GPT are",
    assertion: { probe: "partitionTable" },
    reason: "growing the root at first boot starts from it",
    source: SYSTEMD,
  },
  {
    id: "disk.root-last",
    asserts: "the root's partition is the last one",
    assertion: { probe: "rootLast" },
    reason: "only the last partition can grow onto a larger disk",
    source: SYSTEMD,
  },
  {
    id: "disk.file-systems",
    asserts: "every file system could be read and is clean",
    assertion: { probe: "fileSystemsClean" },
    reason: "a boot must not begin with a repair",
    source: "e2fsck(8), fsck.vfat(8)",
  },
  {
    id: "storage.fstab",
    asserts: "fstab names what is on the disk, by UUID or label",
    assertion: { probe: "fstab" },
    reason: "device names change; a name that does not exist stops the boot",
    source: SYSTEMD,
  },
  {
    id: "storage.growth",
    asserts: "the root grows onto a larger disk",
    assertion: { anyOf: ["/usr/bin/growpart", "/{etc,usr/lib}/repart.d/*.conf"] },
    reason: "clouds give a machine a larger disk than the image has",
    source: SYSTEMD,
  },
  {
    id: "boot.kernels",
    asserts: "there is a kernel, and each has its initial RAM disk and its modules",
    assertion: { probe: "kernels" },
    reason: "an interrupted update leaves a boot entry that cannot boot",
    source: KRAGLE,
  },
  {
    id: "boot.bios",
    asserts: "the disk boots by BIOS",
    assertion: { probe: "biosBoot" },
    reason: "most hypervisors start machines by BIOS",
    source: KRAGLE,
  },
  {
    id: "boot.uefi",
    asserts: "an EFI system partition holds a boot loader at the path for removable media",
    assertion: { probe: "uefiBoot" },
    reason: "a new machine's firmware knows no other path",
    source: "UEFI specification 2.10, 3.5.1.1",
  },
  {
    id: "boot.serial-console",
    asserts: "the kernel writes to the serial console",
    assertion: {
      content: [
        "/boot/{grub,grub2}/grub.cfg",
        "/{boot,efi,boot/efi}/loader/entries/*.conf",
        "/etc/default/grub{,.d/*}",
      ],
      has: "console=ttyS0",
      required: true,
    },
    reason: "a machine without a screen shows its troubles there",
    source: SYSTEMD,
  },
];
