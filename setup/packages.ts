import { join } from "node:path";

import { type Command, outputOf } from "../host/process";
import { displayPath, kragleHome } from "../host/project";
import type { Lacking, Privilege } from "./dockerPlan";
import { asRoot, lastLines, runCommand } from "./runCommand";

// another installation, such as a cloud machine's first upgrade, may be under way
const LOCK_TIMEOUT = "-oDPkg::Lock::Timeout=300";

// by env, since sudo clears the environment
const APT: Command = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", LOCK_TIMEOUT, "--quiet"];

export const updateCommand = (privilege: Privilege) => asRoot(privilege, [...APT, "update"]);

export const installCommand = (privilege: Privilege, packages: readonly string[]) =>
  asRoot(privilege, [...APT, "install", "--yes", "--no-install-recommends", ...packages]);

/**
 * @param optional are installed where the distribution has them; it is known after its lists were fetched
 * @returns what is lacking where the installation failed, with apt's own words
 */
export async function installPackages(
  privilege: Privilege,
  packages: readonly string[],
  print: (line: string) => void,
  optional: readonly string[] = [],
): Promise<Lacking | undefined> {
  const log = join(kragleHome, "logs", "setup-packages.log");
  // one broken source of another vendor makes `update` fail; whether that matters shows in the installation
  await runCommand(updateCommand(privilege), { log, print });
  const found = await Promise.all(optional.map(hasPackage));
  const also = optional.filter((_, index) => found[index]);
  const install = installCommand(privilege, [...packages, ...also]);
  const { exitCode, output } = await runCommand(install, { log, print });
  if (exitCode === 0) return undefined;
  return {
    kind: "lacking",
    message: `installing ${packages.join(", ")} failed with exit code ${exitCode}:\n${lastLines(output, 8)}\n  log: ${displayPath(log)}`,
    next: `see that "apt-get update" and "apt-get install ${packages[0]}" work on this machine`,
  };
}

const hasPackage = (name: string): Promise<boolean> =>
  outputOf(["apt-cache", "search", "--names-only", `^${name}$`]).then(Boolean, () => false);
