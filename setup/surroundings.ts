import { type Requirement, type Status, verdict } from "./requirements";

/** What surrounds kragle on a machine: registry, Pulumi, SELinux, proxies; from facts to verdicts. */

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
