import { appendFile, readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import type { ChannelName } from "../../plan/imageSpec";
import type { LibvirtGuestSpec } from "../../plan/stages/smoke";
import { type HeldConnection, Virsh } from "../../host/virsh";
import { AgentChannel } from "./agentChannel";
import type { Channel, Guest, GuestEvent } from "./guest";
import { readMessage } from "./jsonLines";

/** How often the console and the state are looked at; libvirt tells neither by itself to a caller that may be far away. */
const POLL_MS = 500;
const AGENT_SECONDS = 30;

/**
 * A guest that is defined under libvirt, on this machine or another one. Everything goes through libvirt's connection; the
 * serial console is a volume, because a file that libvirt's own log daemon writes can be read in no other way by an ordinary user.
 */
export class LibvirtGuest implements Guest {
  private readonly virsh: Virsh;
  private readonly agent = new AgentChannel((...request) => this.ask(...request));
  private held?: HeldConnection;
  private watching?: Promise<void>;
  private over = false;

  /** @param logs the folder of the evidence */
  constructor(
    private readonly spec: LibvirtGuestSpec,
    private readonly logs: string,
    private readonly signal: AbortSignal,
  ) {
    this.virsh = new Virsh(spec.uri);
  }

  async start(tell: (event: GuestEvent) => void): Promise<void> {
    await this.makePristine();
    this.held = await this.virsh.startHeld(this.spec.domain);
    this.watching = this.watch(tell).catch(({ message }: Error) =>
      tell({ kind: "stopped", reason: `libvirt does not answer any more: ${message}` }),
    );
  }

  channel(name: ChannelName): Channel {
    if (name !== "agent") throw new Error(`libvirt's guest cannot be asked by ${name}`);
    return this.agent;
  }

  async screenshot(fileName: string): Promise<void> {
    await this.virsh.run("screenshot", this.spec.domain, join(this.logs, fileName));
  }

  async powerOff(): Promise<void> {
    await this.virsh.run("shutdown", this.spec.domain, "--mode", "acpi");
  }

  async destroy(): Promise<void> {
    this.over = true;
    await this.watching;
    await this.held?.close();
    // where libvirt does not answer any more, the next start does this
    await this.makePristine().catch(() => undefined);
  }

  /** Downloads the copy of the image in the pool. */
  async downloadImage(to: string): Promise<void> {
    const { pool, image } = this.spec;
    await this.virsh.run("vol-download", "--pool", pool, image, to);
  }

  /** Makes the guest as it was defined: off, with an empty overlay and an empty console. */
  private async makePristine(): Promise<void> {
    const { domain, pool, image, overlay, serial, diskBytes } = this.spec;
    if (!(await this.state()).startsWith("shut off")) await this.virsh.run("destroy", domain);
    const backing = ["--backing-vol", image, "--backing-vol-format", "qcow2"];
    const volumes = [
      [overlay, String(diskBytes), "--format", "qcow2", ...backing],
      [serial, "0", "--format", "raw"],
    ] as const;
    for (const [name, ...rest] of volumes) {
      // absent where an earlier run ended between the two commands
      await this.virsh.run("vol-delete", "--pool", pool, name).catch(() => undefined);
      await this.virsh.run("vol-create-as", pool, name, ...rest);
    }
  }

  private async watch(tell: (event: GuestEvent) => void): Promise<void> {
    const decoder = new TextDecoder();
    let offset = 0;
    for (;;) {
      // the state before the console: what the guest wrote last is still read
      const state = await this.state();
      const news = await this.readConsole(offset);
      offset += news.length;
      if (news.length > 0) {
        tell({ kind: "console", text: decoder.decode(news, { stream: true }) });
      }
      if (this.over) return;
      if (this.signal.aborted) return tell({ kind: "stopped", reason: "it was interrupted" });
      if (!/^(running|in shutdown)/.test(state)) {
        return tell({ kind: "stopped", reason: explainState(state) });
      }
      await sleep(POLL_MS);
    }
  }

  private async readConsole(offset: number): Promise<Buffer> {
    const { pool, serial } = this.spec;
    const piece = join(this.logs, "serial.part");
    const from = ["--offset", String(offset)];
    await this.virsh.run("vol-download", "--pool", pool, ...from, serial, piece);
    const news = await readFile(piece);
    await rm(piece);
    await appendFile(join(this.logs, "serial.log"), news);
    return news;
  }

  private state(): Promise<string> {
    return this.virsh.run("domstate", "--reason", this.spec.domain);
  }

  private async ask(execute: string, args: object = {}, seconds = AGENT_SECONDS): Promise<unknown> {
    const request = JSON.stringify({ execute, arguments: args });
    const timeout = ["--timeout", String(seconds)];
    const answer = await this.virsh.run(
      ...["qemu-agent-command", this.spec.domain, request, ...timeout],
    );
    const message = readMessage(Buffer.from(answer));
    if (message.kind === "return") return message.value;
    const words = "words" in message ? message.words : message.kind;
    throw new Error(`${execute} was answered with ${words}`);
  }
}

/** A state of `virsh domstate --reason` in the words that the ladder knows; libvirt has none of its own for some of QEMU's. */
function explainState(state: string): string {
  if (state === "shut off (shutdown)") return "guest-shutdown";
  if (state === "shut off (crashed)") return "its kernel panicked, or QEMU ended by itself";
  if (state === "paused (I/O error)") return "writing to the overlay failed";
  return `libvirt says "${state}"`;
}
