import type { StageFailure } from "../../host/failure";
import type { ChannelName } from "../../plan/imageSpec";

export interface Executed {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Bytes; in base64, libvirt's client takes them as one argument, which Linux bounds at 128 KiB. */
export const LONGEST_INPUT = 48 * 2 ** 10;

/** A way to run programs in a guest. */
export interface Channel {
  /** Tries once. @throws Error where nobody answers, in words that say how far it came */
  reach(): Promise<void>;
  /**
   * Runs a program in the guest, found by the PATH of the guest's side.
   *
   * @param input what it reads on its stdin, which is empty otherwise; {@link LONGEST_INPUT} at most
   * @throws Error where the guest does not answer, refuses, or the signal is aborted
   */
  execute(argv: readonly string[], signal: AbortSignal, input?: Buffer): Promise<Executed>;
}

/** What a guest shows from outside while it runs. */
export type GuestEvent =
  /** New output of the serial console, or of the firmware where it has a port of its own; pieces of lines too. */
  | { readonly kind: "console"; readonly text: string; readonly firmware?: true }
  /** The machine is off. Reasons are those of QMP's SHUTDOWN event; a hypervisor that failed says why in its own words. */
  | { readonly kind: "stopped"; readonly reason: string };

/** The way to a guest: one driver for each hypervisor, the same boot ladder for all of them. */
export interface Guest {
  /** Switches the machine on. Time counts from when the promise is fulfilled. */
  start(tell: (event: GuestEvent) => void): Promise<void>;
  /** @throws Error where the driver has none of that name */
  channel(name: ChannelName): Channel;
  /** Writes a PNG of the screen into the evidence folder. */
  screenshot(fileName: string): Promise<void>;
  /** Presses the power button; the guest decides what it does. */
  powerOff(): Promise<void>;
  /** Pulls the plug, whatever the state. Nothing of the machine is left afterwards. */
  destroy(): Promise<void>;
  /** After its end: what the host lacked, where that and not the guest ended it. */
  hostFailure?(): Promise<StageFailure | undefined>;
}
