import type { ImageSpec } from "../../plan/imageSpec";

/** What a new machine of the hypervisor that reads a format has, and what it can have instead, for a kernel that drives only the latter. */
const MACHINES: Readonly<Record<string, { default: string; instead: string }>> = {
  vdi: {
    default: "VirtualBox gives a new machine an AHCI disk and an Intel network card (e1000)",
    instead: "an IDE (PIIX4) or VirtIO disk controller and a virtio-net card",
  },
  vmdk: {
    default:
      "VMware gives a new machine an LSI Logic or SATA disk and an Intel network card (e1000)",
    instead: "a paravirtual SCSI controller (PVSCSI) and a VMXNET3 card",
  },
};

/** A line for each format whose hypervisor's default machine the image's kernel cannot drive. */
export function hypervisorWarnings({ formats, kernel, template }: ImageSpec): string[] {
  // of a kernel that comes with an ISO or a disk nothing is known
  if (kernel !== "cloud" || template.install !== "bootstrap") return [];
  return [...new Set(formats.map(({ format }) => format))].flatMap((format) => {
    const machine = MACHINES[format];
    if (!machine) return [];
    return [
      `${format}: ${machine.default}, and the kernel "cloud" does not drive both; set kernel: generic, or give the machine ${machine.instead}`,
    ];
  });
}
