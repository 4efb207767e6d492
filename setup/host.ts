import { existsSync } from "node:fs";
import { homedir, userInfo } from "node:os";
import { join } from "node:path";

import { dockerObstacle } from "../executors/dockerObstacle";
import type { Site } from "../executors/site";
import { readIfThere } from "../host/files";
import { findProgram } from "../host/program";
import { sudoWithoutQuestion } from "../host/sudo";
import type { DockerFacts, Host, Privilege } from "./dockerPlan";

/** @param terminal somebody can be asked for a password */
export async function readHost(terminal: boolean): Promise<Host> {
  const release = readIfThere("/etc/os-release");
  const field = (name: string) =>
    new RegExp(`^${name}="?([^"\\n]*)"?$`, "m").exec(release)?.[1] ?? "";
  const kin = `${field("ID")} ${field("ID_LIKE")}`.split(" ");
  return {
    system: field("PRETTY_NAME") || "an unknown system",
    apt: (kin.includes("debian") || kin.includes("ubuntu")) && findProgram("apt-get") !== undefined,
    ubuntu: kin.includes("ubuntu"),
    // sd_booted(3)
    systemd: existsSync("/run/systemd/system"),
    privilege: await findPrivilege(terminal),
    user: userInfo().username,
  };
}

async function findPrivilege(terminal: boolean): Promise<Privilege> {
  if (process.getuid!() === 0) return "root";
  if (!findProgram("sudo")) return "none";
  return terminal || (await sudoWithoutQuestion()) ? "sudo" : "none";
}

export async function readDockerFacts(site: Site, terminal: boolean): Promise<DockerFacts> {
  return {
    ...(await readHost(terminal)),
    obstacle: await dockerObstacle(site),
    dockerHost: process.env.DOCKER_HOST || undefined,
    context: currentContext(),
    installed: findProgram("dockerd") !== undefined,
    lacksAppArmorParser:
      readIfThere("/sys/module/apparmor/parameters/enabled").trim() === "Y" &&
      findProgram("apparmor_parser") === undefined,
  };
}

/** What `docker context use` has set; the client's own default has no name in its file. */
function currentContext(): string | undefined {
  const folder = process.env.DOCKER_CONFIG ?? join(homedir(), ".docker");
  try {
    const { currentContext: name } = JSON.parse(readIfThere(join(folder, "config.json"))) as {
      currentContext?: string;
    };
    return name && name !== "default" ? name : undefined;
  } catch {
    return undefined;
  }
}
