import { formatSize } from "../plan/units";

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

/** A verdict: only what is not in order has something to do. */
export function verdict(
  name: string,
  status: Status,
  found: string,
  need: string,
  next = "",
): Requirement {
  return { name, status, found, need, next: status === "ok" ? "" : next };
}

/** Whether a dotted version is at least another one; what follows the numbers is ignored. */
export function isAtLeast(version: string, oldest: readonly number[]): boolean {
  const numbers = version
    .replace(/^\D+/, "")
    .split(/[.+~-]/)
    .map(Number);
  for (const [index, least] of oldest.entries()) {
    const number = numbers[index] ?? 0;
    if (number !== least) return number > least;
  }
  return true;
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
      ? "set kragle:memory to less, or use a larger machine"
      : "end other programs, or set kragle:memory to less",
  );
}

export interface RegistryFacts {
  readonly reference: string;
  /** Why no registry answers; undefined where one does. */
  readonly obstacle: string | undefined;
  /** Reference of an image to build on that the daemon has. */
  readonly present: string | undefined;
  /** A bootstrapped Debian can stand in for the reference. */
  readonly replaceable: boolean;
  readonly mmdebstrap: boolean;
}

export function registryRequirement(facts: RegistryFacts): Requirement {
  const need = `one that has ${facts.reference}, or mmdebstrap`;
  const judge = (status: Status, found: string, next = "") =>
    verdict("Container registry", status, found, need, next);
  if (facts.obstacle === undefined) return judge("ok", "answers");
  const silent = `no answer (${facts.obstacle})`;
  if (facts.present) return judge("ok", `${silent}, not needed: Docker has ${facts.present}`);
  if (!facts.replaceable) {
    const next = `see that "docker pull ${facts.reference}" works, or set kragle:baseImage to another image`;
    return judge("missing", silent, next);
  }
  if (!facts.mmdebstrap) return judge("missing", `${silent}, and no mmdebstrap`, "./kragle setup");
  const next =
    "nothing has to be done; the base image is made here by mmdebstrap, in about a minute";
  return judge("degraded", silent, next);
}

/** @param version of a Pulumi CLI that the SDK works with; undefined where there is none */
export function pulumiRequirement(
  version: string | undefined,
  oldest: readonly number[],
): Requirement {
  return verdict(
    "Pulumi CLI",
    version ? "ok" : "degraded",
    version ?? "none; ./kragle up runs the program in its own process (the embedded engine)",
    `${oldest.join(".")} or newer, for "pulumi up", encrypted settings and the driver libvirt`,
    "https://www.pulumi.com/docs/iac/download-install/",
  );
}

export interface SelinuxFacts {
  readonly enforcing: boolean;
  /** Docker gives its containers a label. */
  readonly confinesContainers: boolean;
  readonly folder: string;
  /** The folder's label, such as "unconfined_u:object_r:user_home_t:s0". */
  readonly label: string;
}

/** Types of files that a confined container may read and write. */
const CONTAINER_TYPES = ["container_file_t", "svirt_sandbox_file_t"];

export function selinuxRequirement(facts: SelinuxFacts): Requirement {
  const need = "where it confines containers, folders that they may use";
  if (!facts.enforcing) return verdict("SELinux", "ok", "not enforcing", need);
  if (!facts.confinesContainers)
    return verdict("SELinux", "ok", "enforcing, not for containers", need);
  const type = facts.label.split(":")[2] ?? "";
  return verdict(
    "SELinux",
    CONTAINER_TYPES.includes(type) ? "ok" : "missing",
    `enforcing; ${facts.folder} is ${type || "without a label"}`,
    need,
    `sudo chcon --recursive --type container_file_t "${facts.folder}"`,
  );
}

/**
 * A proxy of the host is passed into the containers, where "localhost" is the container itself.
 *
 * @returns undefined where no proxy is configured
 */
export function proxyRequirement(
  environment: Readonly<Record<string, string>>,
): Requirement | undefined {
  const proxies = Object.entries(environment).filter(([name]) => /^(https?|all)_proxy$/.test(name));
  if (proxies.length === 0) return undefined;
  const local = proxies.filter(([, value]) =>
    /^(\w+:\/\/)?([^/@]*@)?(localhost|127\.|\[::1\])/.test(value),
  );
  return verdict(
    "Proxy",
    local.length ? "degraded" : "ok",
    local.length
      ? `${local.map(([name]) => name).join(" and ")} on this machine's loopback address`
      : proxies.map(([name]) => name).join(" and "),
    "one that containers reach",
    "let the proxy listen on the address of Docker's bridge too, and name that address",
  );
}
