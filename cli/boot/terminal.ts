import { isatty } from "node:tty";

/** Ctrl-], which leaves, as in telnet and virsh: no program of a guest's needs it. */
const LEAVE = 0x1d;

/** The user's terminal while it belongs to a guest: every key goes there, and what comes from there is shown as it is. */
export class Terminal {
  /** Whether there is one. */
  static get isThere(): boolean {
    return isatty(0) && isatty(1);
  }

  private readonly onData: (keys: Buffer) => void;

  /**
   * @param onKeys receives what is typed
   * @param onLeave is called when the user wants to leave
   */
  constructor(onKeys: (keys: Buffer) => void, onLeave: () => void) {
    this.onData = (keys) => (keys.includes(LEAVE) ? onLeave() : onKeys(keys));
    process.stdin.setRawMode(true).on("data", this.onData).on("end", onLeave).resume();
  }

  /** Not by host/output.ts, which would spell out what the guest's programs draw with. */
  write(bytes: string | Uint8Array): void {
    process.stdout.write(bytes);
  }

  /** kragle's own words, on a line of their own. */
  say(words: string): void {
    this.write(`\r\n» ${words}\r\n`);
  }

  get size(): { readonly rows: number; readonly cols: number } {
    return { rows: process.stdout.rows, cols: process.stdout.columns };
  }

  onResize(resized: () => void): () => void {
    process.stdout.on("resize", resized);
    return () => process.stdout.off("resize", resized);
  }

  /** Gives it back as it was. */
  close(): void {
    process.stdin.off("data", this.onData).setRawMode(false).pause();
    // colours, a hidden cursor and another screen may be left of what the guest drew
    this.write("\x1b[0m\x1b[?25h\x1b[?1049l\r\n");
  }
}
