export interface Executed {
  readonly exitCode: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** What a guest shows from outside while it runs. */
export type GuestEvent =
  /** New output of the firmware or of the serial console; pieces of lines too. */
  | { readonly kind: "console"; readonly text: string }
  /** The machine is off. Reasons are those of QMP's SHUTDOWN event; a hypervisor that failed says why in its own words. */
  | { readonly kind: "stopped"; readonly reason: string };

/** The way to a guest: one driver for each hypervisor, the same boot ladder for all of them. */
export interface Guest {
  /** Switches the machine on. Time counts from when the promise is fulfilled. */
  start(tell: (event: GuestEvent) => void): Promise<void>;
  /** @throws Error where the guest agent does not answer within a few seconds */
  ping(): Promise<void>;
  /**
   * Runs a program in the guest, found by the agent's PATH.
   *
   * @throws Error where the agent does not answer, refuses, or the signal is aborted
   */
  execute(argv: readonly string[], signal: AbortSignal): Promise<Executed>;
  /** Writes a PNG of the screen into the evidence folder. */
  screenshot(fileName: string): Promise<void>;
  /** Presses the power button; the guest decides what it does. */
  powerOff(): Promise<void>;
  /** Pulls the plug, whatever the state. Nothing of the machine is left afterwards. */
  destroy(): Promise<void>;
}
