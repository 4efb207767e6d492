import { z } from "zod";

import type { Firmware } from "../../plan/imageSpec";
import type { LibvirtGuestSpec } from "../../plan/libvirt";
import type { Accelerator } from "../../executors/accelerator";
import type { StageContext } from "../../run/stage";
import type { Guest } from "./guest";
import type { Seed } from "./seed";

const libvirtGuest: z.ZodType<LibvirtGuestSpec> = z.object({
  uri: z.string(),
  domain: z.string(),
  type: z.enum(["kvm", "qemu"]),
  pool: z.string(),
  image: z.string(),
  overlay: z.string(),
  serial: z.string(),
  diskBytes: z.number().int(),
});

export const smokeSettings = z.object({
  toolsImage: z.string(),
  image: z.object({ key: z.string(), sha256: z.string() }),
  proof: z.enum(["quick", "full"]),
  channel: z.enum(["agent", "ssh"]),
  firmware: z.array(z.enum(["bios", "uefi"])).nonempty(),
  /** The image's virtual size. */
  diskBytes: z.number().int(),
  memoryMiB: z.number().int(),
  cpus: z.number().int(),
  accelerator: z.enum(["auto", "kvm", "tcg"]),
  /** For each boot, with KVM; without it ten times as long. */
  timeoutSeconds: z.number(),
  /** Longest time without a sign of life, scaled alike. */
  silenceSeconds: z.number(),
  /** The guest that was defined under libvirt, where that is the driver. */
  libvirt: libvirtGuest.optional(),
});

export type SmokeSettings = z.infer<typeof smokeSettings>;
export type SmokeContext = StageContext<SmokeSettings>;

/** One boot, as a driver has to know it. */
export interface Machine {
  readonly name: string;
  readonly firmware: Firmware;
  /** Which throw-away overlay of the image: boots with the same name share one, and what the guest wrote stays on it. */
  readonly disk: string;
  /** Size of a new overlay; the image's own where it is absent. */
  readonly diskBytes?: number;
  readonly seed?: Seed;
  readonly serialLog: string;
}

/** What boots guests: makes one at a time, switched off. */
export interface Driver {
  readonly name: "qemu" | "libvirt";
  readonly accelerator: Accelerator;
  guest(machine: Machine): Promise<Guest>;
  /** SHA-256 of the file that was under the overlays; asked for when no guest is left. */
  imageSha256(): Promise<string>;
  /** Removes what was needed for the boots. The guests are gone before. */
  remove(): Promise<void>;
}
