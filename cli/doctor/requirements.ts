import { availableParallelism } from "node:os";

import {
  type DaemonFacts,
  type DaemonObstacle,
  daemonObstacle,
  isRemote,
  OLDEST_DOCKER,
} from "../../executors/daemon";
import { OLDEST_NODE } from "../../host/oldestNode";
import { isAtLeast } from "../../host/version";
import { formatSize } from "../../plan/units";
import { guestNeedBytes } from "../../settings/machine";

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
  /** `up` would refuse the settings for it, whatever the machine has. */
  readonly wrongSettings?: true;
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

export function dockerRequirement(daemon: DaemonFacts | DaemonObstacle): Requirement {
  const need = `a daemon on this machine, ${OLDEST_DOCKER.join(".")} or newer, whose storage driver shares layers`;
  const problem = daemonObstacle(daemon);
  if (problem) return verdict("Docker", "missing", problem.obstacle, need, problem.next);
  const { version, storageDriver, endpoint } = daemon as DaemonFacts;
  const by = endpoint.saidBy ? `, at ${endpoint.address} (${endpoint.saidBy})` : "";
  const found = `${version}, ${storageDriver}${by}`;
  if (isRemote(daemon as DaemonFacts)) {
    const next = "unset DOCKER_HOST: folders of this machine are mounted into the containers";
    return verdict("Docker", "degraded", found, need, next);
  }
  const copies = storageDriver === "vfs";
  const next = "vfs copies every layer: have Docker's folder on ext4 or xfs, not on an overlay";
  return verdict("Docker", copies ? "degraded" : "ok", found, need, next);
}

/** @param network why no container can be started in it, or that there is no image to start one of */
export function networkRequirement(
  network: { readonly obstacle: string; readonly next: string } | "works" | "untried",
): Requirement {
  const need = "one in which containers start";
  if (network === "works") return verdict("Docker's network", "ok", "a container started", need);
  if (network === "untried") {
    const next = "./kragle up builds an image, and then says";
    return verdict("Docker's network", "degraded", "not known until there is an image", need, next);
  }
  return verdict("Docker's network", "missing", network.obstacle, need, network.next);
}

/** @param network why a guest's network cannot be closed; or that it can, is to be open, or that there is no image to try it with */
export function guestNetworkRequirement(
  network: { readonly obstacle: string; readonly next: string } | "closed" | "open" | "untried",
): Requirement {
  const row = (status: Status, found: string, next = "") =>
    verdict("Guest's network", status, found, "one that ends where this machine begins", next);
  if (network === "closed") return row("ok", "closed against this machine");
  if (network === "open") return row("ok", "open everywhere, as the setting network says");
  if (network === "untried") {
    return row(
      "degraded",
      "not known until there is the tools image",
      "./kragle up builds it, and then says",
    );
  }
  return row("missing", network.obstacle, network.next);
}

/** @param wanted the setting `cpus` */
export function processorsRequirement(wanted: number, here = availableParallelism()): Requirement {
  return verdict(
    "Processors",
    wanted > here ? "degraded" : "ok",
    String(here),
    `${wanted} for the guest`,
    "lower the setting cpus: a guest with more processors than the machine is slower, not faster",
  );
}

/** @param guestMiB the setting `memory` */
export function memoryRequirement(
  { total, available }: { readonly total: number; readonly available: number },
  guestMiB: number,
): Requirement {
  const need = guestNeedBytes(guestMiB);
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
