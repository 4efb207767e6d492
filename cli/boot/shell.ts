import { setTimeout as sleep } from "node:timers/promises";

import type { ContainerGuest } from "../../stages/smoke/containerGuest";
import type { SshChannel } from "../../stages/smoke/sshChannel";
import type { ClientChannel } from "ssh2";
import { sshShell } from "./sshShell";
import type { Terminal } from "./terminal";

const TRY_AGAIN_MS = 500;

/** Why a shell came to its end. */
export type ShellEnd = "left" | "restarted" | { readonly stopped: string };

/** What somebody types and sees: the guest's console, and a shell by SSH as soon as that lets root in. */
export class Shell {
  private session: ClientChannel | undefined;
  private made: ContainerGuest | undefined;
  private readonly ended = Promise.withResolvers<ShellEnd>();

  /** @param consoleOnly stay on the console */
  constructor(
    private readonly terminal: Terminal,
    private readonly consoleOnly: boolean,
  ) {}

  type(keys: Buffer): void {
    if (this.session) this.session.write(keys);
    else this.made?.guest.type(keys);
  }

  leave(): void {
    this.ended.resolve("left");
  }

  /** Until the user leaves, logs out, or the guest ends. */
  async run(made: ContainerGuest, signal: AbortSignal): Promise<ShellEnd> {
    this.made = made;
    const over = new AbortController();
    signal.addEventListener("abort", () => this.leave(), { once: true });
    const started = made.guest.start((event) => {
      if (event.kind === "stopped") {
        const { reason } = event;
        this.ended.resolve(reason === "guest-reset" ? "restarted" : { stopped: reason });
      } else if (!this.session && !event.firmware) this.terminal.write(event.text);
    });
    const logins = started.then(() =>
      made.ssh && !this.consoleOnly ? this.logIn(made.ssh, over.signal) : undefined,
    );
    const failed = logins.then(() => new Promise<never>(() => undefined));
    try {
      return await Promise.race([this.ended.promise, failed]);
    } finally {
      over.abort();
      this.made = undefined;
    }
  }

  private async logIn(ssh: SshChannel, over: AbortSignal): Promise<void> {
    while (!over.aborted) {
      const open = await ssh.reach().then(
        () => true,
        () => false,
      );
      if (over.aborted) return;
      if (!open) {
        await sleep(TRY_AGAIN_MS, undefined, { signal: over }).catch(() => undefined);
        continue;
      }
      const exited = await sshShell(ssh, this.terminal, (session) => {
        this.session = session;
        this.terminal.say("root's shell, by SSH; its end (exit) ends the machine");
      });
      if (exited) return this.leave();
      this.session = undefined;
      this.terminal.say("the SSH connection ended; this is the console again");
    }
  }
}
