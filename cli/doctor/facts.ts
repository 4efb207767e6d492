import { existsSync, statfsSync, statSync } from "node:fs";
import { dirname } from "node:path";

import { StageFailure } from "../../host/failure";
import { probeAccelerator } from "../../executors/accelerator";
import { findBuilderBase, isDebianImage } from "../../executors/builderBase";
import { isClosed } from "../../executors/closedNetwork";
import { guestNetworkObstacle, networkObstacle } from "../../executors/network";
import type { Site } from "../../executors/site";
import { inPackage } from "../../host/project";
import { readIfThere } from "../../host/files";
import { findProgram } from "../../host/program";
import { selinuxEnforces } from "../../host/selinux";
import { registryObstacle } from "../../executors/registry";
import type { Place } from "./diskSpace";
import type { RegistryFacts, SelinuxFacts } from "./surroundings";
import type { KvmFacts, ProcessorFacts } from "./virtualization";

/** What doctor looks at on this machine. */

const REGISTRY_SECONDS = 4;

/** The file system on which a path lies, or will lie. */
export function readPlace(name: string, path: string, needBytes: number): Place {
  let folder = path;
  while (!existsSync(folder)) folder = dirname(folder);
  const { bavail, bsize } = statfsSync(folder);
  return { name, needBytes, freeBytes: bavail * bsize, device: statSync(folder).dev };
}

export function readProcessor(): ProcessorFacts {
  const flags = /^flags\s*:(.*)$/m.exec(readIfThere("/proc/cpuinfo"))?.[1] ?? "";
  return { architecture: process.arch, flags: flags.trim().split(" ") };
}

/** @param toolsImage runs the test guest; undefined where the daemon does not have it */
export async function readKvm(
  site: Site,
  setting: KvmFacts["setting"],
  toolsImage: string | undefined,
): Promise<KvmFacts> {
  const device = statSync("/dev/kvm", { throwIfNoEntry: false });
  const kind = !device ? "absent" : device.isDirectory() ? "directory" : "device";
  if (setting === "tcg" || kind !== "device" || !toolsImage) {
    return { setting, device: kind, probe: undefined };
  }
  try {
    const { accelerator, reason } = await probeAccelerator(site, { setting, toolsImage });
    return { setting, device: kind, probe: { works: accelerator === "kvm", reason } };
  } catch (error) {
    if (!(error instanceof StageFailure)) throw error;
    return { setting, device: kind, probe: { works: false, reason: error.message } };
  }
}

export async function readRegistry(site: Site, reference: string): Promise<RegistryFacts> {
  const [obstacle, present] = await Promise.all([
    registryObstacle(site, reference, REGISTRY_SECONDS),
    findBuilderBase(site, { reference }),
  ]);
  return {
    reference,
    obstacle,
    present,
    replaceable: isDebianImage(reference),
    mmdebstrap: findProgram("mmdebstrap") !== undefined,
  };
}

/** @param image any that the daemon has; undefined where it has none */
export async function readNetwork({ docker }: Site, image: string | undefined) {
  if (!image) return "untried";
  return (await networkObstacle(docker, image)) ?? "works";
}

/** @param toolsImage which has the program that sets the rules; undefined where the daemon does not have it */
export async function readGuestNetwork(
  { docker }: Site,
  toolsImage: string | undefined,
  allow: readonly string[],
) {
  if (!isClosed(allow)) return "open";
  if (!toolsImage) return "untried";
  return (await guestNetworkObstacle(docker, toolsImage, allow)) ?? "closed";
}

export function readSelinux(confinesContainers: boolean): SelinuxFacts {
  return { enforcing: selinuxEnforces(), confinesContainers };
}

/** npm writes node_modules/.package-lock.json when an installation has finished. */
export function areDependenciesStale(): boolean {
  const time = (path: string) => statSync(inPackage(path), { throwIfNoEntry: false })?.mtimeMs ?? 0;
  return time("package-lock.json") > time("node_modules/.package-lock.json");
}
