import type { Accelerator } from "../../executors/executor";
import { type Architecture, ARCHITECTURES } from "../../plan/architecture";
import type { Machine } from "./driver";

/** Where the container sees the folders that it is given. */
export const MOUNTS = {
  /** The image's artifact, read-only. */
  image: "/image",
  /** Receives the throw-away overlays. */
  overlay: "/overlay",
  /** The files of the seed's volume, read-only. */
  seed: "/seed",
  /** Serial logs and pictures. */
  logs: "/logs",
  sockets: "/sockets",
} as const;

/** The container's port on its own loopback that leads to the guest's SSH; nobody outside of the container sees it. */
export const SSH_PORT = 2222;

const SEED_VOLUME = "/tmp/seed.iso";
const FIRMWARE_VARIABLES = "/tmp/vars.fd";
/** Debian's build without Secure Boot: images need not be signed. */
const OVMF = "/usr/share/OVMF/OVMF";

/** A disk image, as the container sees it. */
export interface Backing {
  readonly file: string;
  /** QEMU's name of its format. */
  readonly format: string;
  /** Commands of a shell that bring the file to its place. */
  readonly prepare?: readonly string[];
}

const IMAGE_FILE: Backing = { file: `${MOUNTS.image}/image.qcow2`, format: "qcow2" };

export interface MachineSize {
  readonly architecture: Architecture;
  readonly accelerator: Accelerator;
  readonly memoryMiB: number;
  readonly cpus: number;
}

interface GuestOptions {
  readonly newDisk: boolean;
  readonly backing?: Backing;
  /** Whether it reaches what its container reaches. */
  readonly outside?: boolean;
}

/**
 * The program and arguments that prepare a machine and start QEMU on it, halted. No network but a DHCP server inside of QEMU, unless
 * the outside is asked for, and the way in to SSH where there is a seed; monitor, agent and consoles are sockets.
 *
 * @param options.newDisk whether the overlay has to be made
 * @param options.backing what it is an overlay of
 */
export function qemuCommand(
  machine: Machine,
  { architecture, accelerator, memoryMiB, cpus }: MachineSize,
  { newDisk, backing = IMAGE_FILE, outside = false }: GuestOptions,
): string[] {
  const { seed, firmware, serialLog } = machine;
  const disk = `${MOUNTS.overlay}/${machine.disk}.qcow2`;
  const socket = (id: string, more = "") =>
    `socket,id=${id},path=${MOUNTS.sockets}/${id},server=on,wait=off${more}`;
  const wayIn = seed ? `,hostfwd=tcp:127.0.0.1:${SSH_PORT}-:22` : "";
  return [
    ...[
      "sh",
      "-c",
      [...preparations(machine, disk, backing, newDisk), 'exec "$@"'].join(" && "),
      "sh",
    ],
    ...[ARCHITECTURES[architecture].qemu, "-nodefaults", "-no-user-config", "-S", "-no-reboot"],
    ...["-display", "none"],
    ...["-sandbox", "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny"],
    ...["-machine", "q35", "-m", String(memoryMiB), "-smp", String(cpus)],
    // the translation buffer is bounded so that the container's memory limit holds
    ...(accelerator === "kvm"
      ? ["-accel", "kvm", "-cpu", "host"]
      : ["-accel", "tcg,thread=multi,tb-size=256", "-cpu", "max"]),
    ...(firmware === "uefi" ? uefi() : []),
    ...["-drive", `file=${disk},format=qcow2,if=none,id=disk,cache=unsafe,discard=unmap`],
    ...["-device", "virtio-blk-pci,drive=disk,bootindex=1"],
    ...(seed ? ["-drive", `file=${SEED_VOLUME},format=raw,if=virtio,readonly=on`] : []),
    ...["-netdev", `user,id=net,restrict=${outside ? "off" : "on"}${wayIn}`],
    ...["-device", "virtio-net-pci,netdev=net,romfile="],
    ...["-device", "VGA", "-device", "virtio-rng-pci", "-device", "pvpanic"],
    ...["-chardev", socket("monitor"), "-mon", "chardev=monitor,mode=control"],
    ...["-chardev", socket("serial", `,logfile=${MOUNTS.logs}/${serialLog}`)],
    ...["-serial", "chardev:serial"],
    // SeaBIOS and debug builds of OVMF speak there
    ...["-chardev", socket("firmware"), "-device", "isa-debugcon,iobase=0x402,chardev=firmware"],
    ...["-device", "virtio-serial-pci", "-chardev", socket("agent")],
    ...["-device", "virtserialport,chardev=agent,name=org.qemu.guest_agent.0"],
  ];
}

function preparations(
  { seed, firmware, diskBytes }: Machine,
  disk: string,
  backing: Backing,
  newDisk: boolean,
): string[] {
  return [
    ...(backing.prepare ?? []),
    ...(newDisk ? [newOverlay(backing, disk, diskBytes)] : []),
    ...(firmware === "uefi" ? [`install -m 600 ${OVMF}_VARS_4M.fd ${FIRMWARE_VARIABLES}`] : []),
    ...(seed
      ? [quiet(`xorriso -as genisoimage -V cidata -J -r -o ${SEED_VOLUME} ${MOUNTS.seed}`)]
      : []),
  ];
}

const newOverlay = ({ file, format }: Backing, disk: string, bytes: number | undefined) =>
  `qemu-img create -q -f qcow2 -F ${format} -b ${file} ${disk} ${bytes ?? ""}`.trim();

/** What the program says is shown only where it fails. */
const quiet = (command: string) => `{ ${command} 2>/tmp/said || { cat /tmp/said >&2; exit 1; }; }`;

const uefi = (): string[] => [
  ...["-drive", `if=pflash,format=raw,readonly=on,file=${OVMF}_CODE_4M.fd`],
  ...["-drive", `if=pflash,format=raw,file=${FIRMWARE_VARIABLES}`],
];
