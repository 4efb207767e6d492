import { spawnSync } from "node:child_process";
import { accessSync, constants, existsSync, readFileSync } from "node:fs";
import { homedir, userInfo } from "node:os";
import { delimiter, join } from "node:path";

import { docker } from "../stages/container";
import type { DockerFacts, Host, Privilege } from "./dockerPlan";

/** Where programs for the administrator are; a plain user's PATH may not have it. */
const ADMINISTRATION = ["/usr/local/sbin", "/usr/sbin", "/sbin"];

/** Finds a program on PATH or among the administrator's. */
export function findProgram(name: string): string | undefined {
  const folders = [...(process.env.PATH ?? "").split(delimiter), ...ADMINISTRATION];
  return folders
    .filter(Boolean)
    .map((folder) => join(folder, name))
    .find((path) => {
      try {
        accessSync(path, constants.X_OK);
        return true;
      } catch {
        return false;
      }
    });
}

/** @param terminal somebody can be asked for a password */
export function readHost(terminal: boolean): Host {
  const release = readText("/etc/os-release");
  const field = (name: string) =>
    new RegExp(`^${name}="?([^"\\n]*)"?$`, "m").exec(release)?.[1] ?? "";
  const kin = `${field("ID")} ${field("ID_LIKE")}`.split(" ");
  return {
    system: field("PRETTY_NAME") || "an unknown system",
    apt: (kin.includes("debian") || kin.includes("ubuntu")) && findProgram("apt-get") !== undefined,
    ubuntu: kin.includes("ubuntu"),
    // sd_booted(3)
    systemd: existsSync("/run/systemd/system"),
    privilege: findPrivilege(terminal),
    user: userInfo().username,
  };
}

function findPrivilege(terminal: boolean): Privilege {
  if (process.getuid!() === 0) return "root";
  if (!findProgram("sudo")) return "none";
  return terminal || spawnSync("sudo", ["-n", "true"]).status === 0 ? "sudo" : "none";
}

/** A daemon that works answers in milliseconds. */
const ANSWER_SECONDS = 5;

export async function readDockerFacts(terminal: boolean): Promise<DockerFacts> {
  return {
    ...readHost(terminal),
    obstacle: await dockerObstacle(),
    dockerHost: process.env.DOCKER_HOST || undefined,
    context: currentContext(),
    installed: findProgram("dockerd") !== undefined,
    lacksAppArmorParser:
      readText("/sys/module/apparmor/parameters/enabled").trim() === "Y" &&
      findProgram("apparmor_parser") === undefined,
  };
}

/** Why Docker's daemon does not answer; undefined where it does. */
export async function dockerObstacle(): Promise<{ code: string; words: string } | undefined> {
  try {
    // dockerode's types leave out that it takes options and returns a promise
    await docker.ping({ abortSignal: AbortSignal.timeout(ANSWER_SECONDS * 1000) } as never);
    return undefined;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { code: String(code ?? ""), words: message };
  }
}

/** What `docker context use` has set; the client's own default has no name in its file. */
function currentContext(): string | undefined {
  const folder = process.env.DOCKER_CONFIG ?? join(homedir(), ".docker");
  try {
    const { currentContext: name } = JSON.parse(readText(join(folder, "config.json"))) as {
      currentContext?: string;
    };
    return name && name !== "default" ? name : undefined;
  } catch {
    return undefined;
  }
}

function readText(file: string): string {
  try {
    return readFileSync(file, "utf8");
  } catch {
    return "";
  }
}
