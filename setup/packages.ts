import { join } from "node:path";

import { type Command, outputOf } from "../host/process";
import { homeFolder } from "../host/home";
import { displayPath } from "../host/project";
import type { Lacking, Privilege } from "./dockerPlan";
import { asRoot, lastLines, runCommand } from "./runCommand";

// waits while another installation runs, such as a cloud machine's first upgrade
const LOCK_TIMEOUT = "-oDPkg::Lock::Timeout=300";

// set by env, after sudo, which clears the environment
const APT: Command = ["env", "DEBIAN_FRONTEND=noninteractive", "apt-get", LOCK_TIMEOUT, "--quiet"];

export const updateCommand = (privilege: Privilege) => asRoot(privilege, [...APT, "update"]);

export const installCommand = (privilege: Privilege, packages: readonly string[]) =>
  asRoot(privilege, [...APT, "install", "--yes", "--no-install-recommends", ...packages]);

/**
 * @param optional packages that are installed only if the distribution has them
 * @returns what is lacking where the installation failed, with apt's own words
 */
export async function installPackages(
  privilege: Privilege,
  packages: readonly string[],
  print: (line: string) => void,
  optional: readonly string[] = [],
): Promise<Lacking | undefined> {
  const log = join(homeFolder(), "logs", "setup-packages.log");
  // its failure is ignored: one broken source of another vendor is enough for it, and the installation tells whether that matters
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
