import { isAtLeast } from "../../host/version";
import { formatSize } from "../../plan/units";

/** What kragle needs of a machine: from facts to a verdict, without looking at anything. */

/** degraded: it works, with a drawback that `next` can mend. */
export type Status = "ok" | "degraded" | "missing";

export interface Requirement {
  readonly name: string;
  readonly status: Status;
  readonly found: string;
  readonly need: string;
  /** What to do; empty where nothing has to be done. */
  readonly next: string;
}

/** A verdict; `next` is dropped where the status is ok. */
export function verdict(
  name: string,
  status: Status,
  found: string,
  need: string,
  next = "",
): Requirement {
  return { name, status, found, need, next: status === "ok" ? "" : next };
}

export const OLDEST_NODE = [22, 13] as const;
const OLDEST_DOCKER = [20, 10] as const;

export function nodeRequirement(version: string): Requirement {
  const status = isAtLeast(version, OLDEST_NODE) ? "ok" : "missing";
  const need = `${OLDEST_NODE.join(".")} or newer`;
  return verdict("Node", status, version, need, "./kragle setup");
}

export function dependenciesRequirement(stale: boolean): Requirement {
  return verdict(
    "Node dependencies",
    stale ? "degraded" : "ok",
    stale ? "package-lock.json is newer than node_modules" : "as in package-lock.json",
    "what package-lock.json names",
    "./kragle setup",
  );
}

export interface DockerDaemon {
  readonly version: string;
  readonly storageDriver: string;
  /** DOCKER_HOST, where it names something other than a socket of this machine. */
  readonly remote: string | undefined;
}

export function dockerRequirement(
  daemon: DockerDaemon | { readonly obstacle: string },
): Requirement {
  const need = `a daemon on this machine, ${OLDEST_DOCKER.join(".")} or newer, whose storage driver shares layers`;
  if ("obstacle" in daemon) {
    return verdict(
      "Docker",
      "missing",
      `no daemon answers: ${daemon.obstacle}`,
      need,
      "./kragle setup",
    );
  }
  const { version, storageDriver, remote } = daemon;
  const found = `${version}, ${storageDriver}${remote ? `, at ${remote}` : ""}`;
  if (!isAtLeast(version, OLDEST_DOCKER)) {
    return verdict("Docker", "missing", found, need, "install a newer Docker engine");
  }
  if (remote) {
    const next = "unset DOCKER_HOST: folders of this machine are mounted into the containers";
    return verdict("Docker", "degraded", found, need, next);
  }
  const copies = storageDriver === "vfs";
  const next = "vfs copies every layer: have Docker's folder on ext4 or xfs, not on an overlay";
  return verdict("Docker", copies ? "degraded" : "ok", found, need, next);
}

/** What a container may use beyond its guest's memory, in bytes: QEMU itself, Packer, page cache of the disk. */
const MEMORY_OVERHEAD = 512 * 2 ** 20;

/** @param guestMiB the setting `memory` */
export function memoryRequirement(
  { total, available }: { readonly total: number; readonly available: number },
  guestMiB: number,
): Requirement {
  const need = guestMiB * 2 ** 20 + MEMORY_OVERHEAD;
  const status = total < need ? "missing" : available < need ? "degraded" : "ok";
  return verdict(
    "Memory",
    status,
    `${formatSize(available)} available of ${formatSize(total)}`,
    `${formatSize(need)} for the guest and its emulator`,
    status === "missing"
      ? "lower the setting memory, or use a larger machine"
      : "end other programs, or lower the setting memory",
  );
}
