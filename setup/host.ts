import { existsSync } from "node:fs";

import { dockerEndpoint } from "../executors/dockerEndpoint";
import { dockerObstacle } from "../executors/dockerObstacle";
import type { Site } from "../executors/site";
import { readIfThere } from "../host/files";
import { findProgram } from "../host/program";
import { sudoWithoutQuestion } from "../host/sudo";
import { userName } from "../host/user";
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
    user: userName(),
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
    endpoint: dockerEndpoint(),
    installed: findProgram("dockerd") !== undefined,
    lacksAppArmorParser:
      readIfThere("/sys/module/apparmor/parameters/enabled").trim() === "Y" &&
      findProgram("apparmor_parser") === undefined,
  };
}
