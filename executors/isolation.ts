import { existsSync, readFileSync, statSync } from "node:fs";

import type Docker from "dockerode";

/**
 * What a container may do. Of Docker's fourteen default capabilities, `root` lacks three that installing a system never needs;
 * `builder` is a plain user with none. Neither can gain more than it has, and both have Docker's seccomp filter.
 */
export type Confinement = "root" | "builder" | "privileged";

/** Of a container that only runs one program: no capability, and nothing to write to. */
export const CONFINED = {
  ReadonlyRootfs: true,
  CapDrop: ["ALL"],
  SecurityOpt: ["no-new-privileges"],
} satisfies Docker.HostConfig;

const UNNEEDED_BY_ROOT = ["NET_RAW", "NET_BIND_SERVICE", "SETPCAP"];

/** Names by number, see capabilities(7) and linux/capability.h. */
const CAPABILITIES = (
  "CHOWN DAC_OVERRIDE DAC_READ_SEARCH FOWNER FSETID KILL SETGID SETUID SETPCAP LINUX_IMMUTABLE NET_BIND_SERVICE NET_BROADCAST " +
  "NET_ADMIN NET_RAW IPC_LOCK IPC_OWNER SYS_MODULE SYS_RAWIO SYS_CHROOT SYS_PTRACE SYS_PACCT SYS_ADMIN SYS_BOOT SYS_NICE " +
  "SYS_RESOURCE SYS_TIME SYS_TTY_CONFIG MKNOD LEASE AUDIT_WRITE AUDIT_CONTROL SETFCAP MAC_OVERRIDE MAC_ADMIN SYSLOG WAKE_ALARM " +
  "BLOCK_SUSPEND AUDIT_READ PERFMON BPF CHECKPOINT_RESTORE"
).split(" ");

/**
 * The capabilities that this host has. Docker's own `--privileged` asks for all that the kernel knows, and fails where the host, itself
 * a container or hardened, lacks one.
 *
 * @param status the text of /proc/self/status
 */
export function hostCapabilities(status = readFileSync("/proc/self/status", "utf8")): string[] {
  const bounding = BigInt(`0x${/^CapBnd:\s*([0-9a-f]+)$/m.exec(status)![1]}`);
  return CAPABILITIES.filter((_, number) => (bounding >> BigInt(number)) & 1n);
}

const PRIVILEGED_DEVICES = ["/dev/kvm", "/dev/net/tun"];

/** A sentence for the user about what `privileged` opens on this host. */
export function describePrivileges(): string {
  const devices = PRIVILEGED_DEVICES.filter((path) => existsSync(path));
  return [
    `privileged: root in this container has every capability of the host that Docker knows,`,
    "is not confined by seccomp or AppArmor,",
    `and gets ${devices.join(" and ") || "no device"}: what runs in it, also the guest if it breaks out of QEMU, can take over this host`,
  ].join(" ");
}

/** The part of a container's description that confines it. */
export function confine(confinement: Confinement, kvm: boolean): Docker.HostConfig {
  const privileged = confinement === "privileged";
  const devices = privileged
    ? PRIVILEGED_DEVICES.filter((path) => existsSync(path))
    : kvm
      ? ["/dev/kvm"]
      : [];
  return {
    ReadonlyRootfs: !privileged,
    CapDrop: { root: UNNEEDED_BY_ROOT, builder: ["ALL"], privileged: [] }[confinement],
    CapAdd: privileged ? hostCapabilities() : [],
    SecurityOpt: privileged ? ["seccomp=unconfined", "apparmor=unconfined"] : ["no-new-privileges"],
    Devices: devices.map((path) => ({
      PathOnHost: path,
      PathInContainer: path,
      CgroupPermissions: "rw",
    })),
    GroupAdd: kvm ? [String(statSync("/dev/kvm").gid)] : [],
    PidsLimit: 1024,
  };
}
