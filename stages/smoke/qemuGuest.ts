import { setTimeout as sleep } from "node:timers/promises";
import { connect } from "node:net";
import { join } from "node:path";

import type { Accelerator } from "../accelerator";
import type { ContainerResult } from "../container";
import type { Executed, Guest, GuestEvent } from "./guest";
import { guestExec } from "./guestExec";
import { JsonLineClient, type MonitorEvent } from "./qmp";

/** Where the container sees the folders that it is given. */
export const MOUNTS = {
  /** The image's artifact, read-only. */
  image: "/image",
  /** Receives the throw-away overlay. */
  overlay: "/overlay",
  /** Serial log and pictures. */
  logs: "/logs",
  sockets: "/sockets",
} as const;

export interface Machine {
  readonly accelerator: Accelerator;
  readonly memoryMiB: number;
  readonly cpus: number;
}

/**
 * The program and arguments that put a throw-away overlay over `/image/image.qcow2` and start QEMU on it, halted. No network
 * but a DHCP server inside of QEMU; monitor, agent and consoles are sockets.
 */
export function qemuCommand({ accelerator, memoryMiB, cpus }: Machine): string[] {
  const disk = `${MOUNTS.overlay}/disk.qcow2`;
  const create = `qemu-img create -q -f qcow2 -F qcow2 -b ${MOUNTS.image}/image.qcow2 ${disk}`;
  const socket = (id: string, more = "") =>
    `socket,id=${id},path=${MOUNTS.sockets}/${id},server=on,wait=off${more}`;
  return [
    ...["sh", "-c", `${create} && exec "$@"`, "sh", "qemu-system-x86_64"],
    ...["-nodefaults", "-no-user-config", "-S", "-no-reboot", "-display", "none"],
    ...["-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"],
    ...["-machine", "q35", "-m", String(memoryMiB), "-smp", String(cpus)],
    // the translation buffer is bounded so that the container's memory limit holds
    ...(accelerator === "kvm"
      ? ["-accel", "kvm", "-cpu", "host"]
      : ["-accel", "tcg,thread=multi,tb-size=256", "-cpu", "max"]),
    ...["-drive", `file=${disk},format=qcow2,if=virtio,cache=unsafe,discard=unmap`],
    ...["-netdev", "user,id=net,restrict=on", "-device", "virtio-net-pci,netdev=net,romfile="],
    ...["-device", "VGA", "-device", "virtio-rng-pci", "-device", "pvpanic"],
    ...["-chardev", socket("monitor"), "-mon", "chardev=monitor,mode=control"],
    ...[
      "-chardev",
      socket("serial", `,logfile=${MOUNTS.logs}/serial.log`),
      "-serial",
      "chardev:serial",
    ],
    // SeaBIOS and debug builds of OVMF speak there
    ...["-chardev", socket("firmware"), "-device", "isa-debugcon,iobase=0x402,chardev=firmware"],
    ...["-device", "virtio-serial-pci", "-chardev", socket("agent")],
    ...["-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"],
  ];
}

/** A guest in a QEMU in a container. */
export class QemuGuest implements Guest {
  private monitor?: JsonLineClient;
  private agent?: JsonLineClient;
  private ended?: Promise<ContainerResult | Error>;
  private tell: (event: GuestEvent) => void = () => undefined;

  /**
   * @param run starts the container and waits for its end
   * @param sockets the host's side of `/sockets`, by a path short enough for a socket's address
   */
  constructor(
    private readonly run: () => Promise<ContainerResult>,
    private readonly sockets: string,
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
    await this.follow("firmware");
    await this.follow("serial");
    await this.monitor.request("cont");
  }

  async ping(): Promise<void> {
    await this.connected(this.agent).synchronize(5);
    await this.connected(this.agent).request("guest-ping", {}, 5);
  }

  async execute(argv: readonly string[], signal: AbortSignal): Promise<Executed> {
    const agent = this.connected(this.agent);
    return guestExec((command, args) => agent.request(command, args), argv, signal);
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
  }

  private notice({ event, data }: MonitorEvent): void {
    if (event === "SHUTDOWN") this.tell({ kind: "stopped", reason: String(data.reason) });
    if (event === "BLOCK_IO_ERROR") {
      this.tell({ kind: "stopped", reason: `writing to the overlay failed (${data.reason})` });
    }
  }

  private open(name: string, onEvent?: (event: MonitorEvent) => void) {
    return JsonLineClient.open(join(this.sockets, name), onEvent);
  }

  private follow(name: string): Promise<void> {
    return new Promise((resolve, reject) => {
      const socket = connect(join(this.sockets, name), resolve).setEncoding("utf8");
      socket.on("data", (text) => this.tell({ kind: "console", text: String(text) }));
      socket.on("error", reject);
    });
  }

  private connected(client: JsonLineClient | undefined): JsonLineClient {
    if (!client) throw new Error("QEMU does not run");
    return client;
  }
}

function explainEnd(end: ContainerResult | Error): string {
  if (end instanceof Error) return end.message;
  const words = end.tail.slice(-5).join("\n") || "it printed nothing";
  return `QEMU ended with exit code ${end.exitCode}\n${words}`;
}
