import { z } from "zod";

import type { LibvirtGuestSpec } from "../../plan/libvirt";
import type { Accelerator } from "../accelerator";
import type { StageContext } from "../stage";
import type { Guest } from "./guest";

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
  memoryMiB: z.number().int(),
  cpus: z.number().int(),
  accelerator: z.enum(["auto", "kvm", "tcg"]),
  /** For the whole boot, with KVM; without it ten times as long. */
  timeoutSeconds: z.number(),
  /** Longest time without a sign of life, scaled alike. */
  silenceSeconds: z.number(),
  /** The guest that was defined under libvirt, where that is the driver. */
  libvirt: libvirtGuest.optional(),
});

export type SmokeContext = StageContext<z.infer<typeof smokeSettings>>;

/** A guest that is ready to be switched on: what a driver makes. */
export interface Boot {
  readonly guest: Guest;
  readonly accelerator: Accelerator;
  /** SHA-256 of the file that was under the guest's overlay; asked for when the guest is off. */
  imageSha256(): Promise<string>;
  /** Removes what was needed for the boot. The guest is gone before. */
  remove(): Promise<void>;
}
