import { setTimeout as sleep } from "node:timers/promises";
import { connect, type Socket } from "node:net";
import { join } from "node:path";

import type { ChannelName } from "../../plan/imageSpec";
import type { TaskResult } from "../../executors/executor";
import { EXIT, StageFailure } from "../../host/failure";
import { AgentChannel } from "./agentChannel";
import type { Channel, Guest, GuestEvent } from "./guest";
import { MOUNTS } from "./qemuCommand";
import { JsonLineClient, type MonitorEvent } from "./qmp";
import type { SshChannel } from "./sshChannel";

/** A guest in a QEMU in a container. */
export class QemuGuest implements Guest {
  private monitor?: JsonLineClient;
  private agent?: JsonLineClient;
  private serial?: Socket;
  private ended?: Promise<TaskResult | Error>;
  private tell: (event: GuestEvent) => void = () => undefined;
  private readonly agentChannel = new AgentChannel(
    (...request) => this.connected(this.agent).request(...request),
    (seconds) => this.connected(this.agent).synchronize(seconds),
  );

  /**
   * @param run starts the container and waits for its end
   * @param sockets the host's side of `/sockets`, by a path short enough for a socket's address
   * @param ssh where the guest has a seed
   */
  constructor(
    private readonly run: () => Promise<TaskResult>,
    private readonly sockets: string,
    private readonly ssh?: SshChannel,
  ) {}

  async start(tell: (event: GuestEvent) => void): Promise<void> {
    this.tell = tell;
    let running = true;
    this.ended = this.run().catch((error: Error) => error);
    void this.ended.then((end) => {
      running = false;
      tell({ kind: "stopped", reason: explainEnd(end) });
    });
    while (running && !this.monitor) {
      await sleep(50);
      this.monitor = await this.open("monitor", (event) => this.notice(event)).catch(
        () => undefined,
      );
    }
    if (!this.monitor) return;
    await this.monitor.request("qmp_capabilities");
    this.agent = await this.open("agent");
    await this.follow("firmware", (text) => tell({ kind: "console", text, firmware: true }));
    this.serial = await this.follow("serial", (text) => tell({ kind: "console", text }));
    await this.monitor.request("cont");
  }

  channel(name: ChannelName): Channel {
    if (name === "agent") return this.agentChannel;
    if (!this.ssh) throw new Error("a guest without a seed cannot be asked by SSH");
    return this.ssh;
  }

  /** Types on the serial console. */
  type(keys: Uint8Array): void {
    this.serial?.write(keys);
  }

  async screenshot(fileName: string): Promise<void> {
    const filename = `${MOUNTS.logs}/${fileName}`;
    await this.connected(this.monitor).request("screendump", { filename, format: "png" }, 10);
  }

  async powerOff(): Promise<void> {
    await this.connected(this.monitor).request("system_powerdown");
  }

  async destroy(): Promise<void> {
    await this.monitor?.request("quit", {}, 5).catch(() => undefined);
    // where QEMU does not obey, the container's deadline ends it
    await this.ended;
    this.monitor?.close();
    this.agent?.close();
    this.ssh?.close();
  }

  async hostFailure(): Promise<StageFailure | undefined> {
    const end = await this.ended;
    return end instanceof StageFailure && end.details.exitCode === EXIT.lacking ? end : undefined;
  }

  private notice({ event, data }: MonitorEvent): void {
    if (event === "SHUTDOWN") this.tell({ kind: "stopped", reason: String(data.reason) });
    if (event === "BLOCK_IO_ERROR") {
      this.tell({
        kind: "stopped",
        reason: `writing to the overlay failed (${String(data.reason)})`,
      });
    }
  }

  private open(name: string, onEvent?: (event: MonitorEvent) => void) {
    return JsonLineClient.open(join(this.sockets, name), onEvent);
  }

  private follow(name: string, hear: (text: string) => void): Promise<Socket> {
    return new Promise((resolve, reject) => {
      const socket = connect(join(this.sockets, name), () => resolve(socket)).setEncoding("utf8");
      socket.on("data", (text) => hear(String(text)));
      socket.on("error", reject);
    });
  }

  private connected(client: JsonLineClient | undefined): JsonLineClient {
    if (!client) throw new Error("QEMU does not run");
    return client;
  }
}

function explainEnd(end: TaskResult | Error): string {
  if (end instanceof Error) return end.message;
  const words = end.tail.slice(-5).join("\n") || "it printed nothing";
  return `QEMU ended with exit code ${end.exitCode}\n${words}`;
}
