import type { Firmware } from "../../plan/imageSpec";
import type { smoke } from "../../plan/stages/smoke";
import type { Accelerator } from "../../executors/executor";
import type { StageContext } from "../../run/stage";
import type { Guest } from "./guest";
import type { Seed } from "./seed";

export type SmokeContext = StageContext<typeof smoke>;

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
