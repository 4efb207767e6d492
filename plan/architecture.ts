/** Processor architectures of an image, in the words that the tools around it use. */
export const ARCHITECTURES = {
  amd64: { docker: "linux/amd64", libvirt: "x86_64", qemu: "qemu-system-x86_64" },
} as const;

/** As Debian calls it. */
export type Architecture = keyof typeof ARCHITECTURES;
