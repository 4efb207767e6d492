/** What set-up does about Docker: pure decisions, from facts about this machine. */

import type { DockerEndpoint } from "../executors/dockerEndpoint";

export type Privilege = "root" | "sudo" | "none";

export interface Host {
  /** As in os-release: PRETTY_NAME. */
  readonly system: string;
  /** Debian, Ubuntu and what calls itself like them: packages come by apt-get. */
  readonly apt: boolean;
  readonly ubuntu: boolean;
  readonly systemd: boolean;
  /** How commands can be run as root. */
  readonly privilege: Privilege;
  readonly user: string;
}

export interface DockerFacts extends Host {
  /** Why the daemon does not answer: an error's code and words; undefined where it does. */
  readonly obstacle: { readonly code: string; readonly words: string } | undefined;
  readonly endpoint: DockerEndpoint;
  /** dockerd is on this machine. */
  readonly installed: boolean;
  /** The kernel confines by AppArmor, and the program that loads profiles is not there: no container would start. */
  readonly lacksAppArmorParser: boolean;
}

export interface Lacking {
  readonly kind: "lacking";
  readonly message: string;
  readonly next: string;
}

export type DockerPlan =
  | { readonly kind: "nothing" }
  | Lacking
  | {
      readonly kind: "act";
      readonly packages: readonly string[];
      readonly start: "systemd" | "background";
    };

/** A daemon that answers is never touched, and none is started where the user works with another one. */
export function planDocker(facts: DockerFacts): DockerPlan {
  const { obstacle, user } = facts;
  if (!obstacle) return { kind: "nothing" };
  const lacking = (message: string, next: string): Lacking => ({ kind: "lacking", message, next });
  const { address, saidBy, undo } = facts.endpoint;
  if (saidBy) {
    return lacking(
      `${saidBy} says ${address}, where no Docker daemon answers: ${obstacle.words}`,
      `start that daemon, or use this machine's own: ${undo}`,
    );
  }
  if (obstacle.code === "EACCES") {
    return lacking(
      `Docker runs here, but the user ${user} may not use it`,
      `sudo usermod --append --groups docker ${user}, then log in again`,
    );
  }
  if (!facts.installed && !facts.apt) return installByHand(facts, "the Docker engine", "docker");
  const packages = facts.installed
    ? []
    : [
        "docker.io",
        // dockerd needs it for the network of containers; the package of some releases does not depend on it
        "iptables",
        "ca-certificates",
        ...(facts.lacksAppArmorParser ? ["apparmor"] : []),
      ];
  const start = facts.systemd ? "systemd" : "background";
  if (facts.privilege === "none") {
    const steps = [
      ...(packages.length ? [`apt-get install ${packages.join(" ")}`] : []),
      start === "systemd" ? "systemctl start docker" : "dockerd &",
    ];
    return lacking(
      `no Docker daemon answers (${obstacle.words}), and to change that takes root, or sudo`,
      `run "./kragle setup" as root, or run as root: ${steps.join(" && ")}`,
    );
  }
  return { kind: "act", packages, start };
}

export interface BaseFacts extends Host {
  /** The daemon has an image to build on. */
  readonly present: boolean;
  /** The base in the settings is Debian's own image, for which a bootstrapped one can stand in. */
  readonly debian: boolean;
  readonly mmdebstrap: boolean;
  /** Why no registry answers; undefined where one does. */
  readonly registryObstacle: string | undefined;
}

export type BasePlan =
  | { readonly kind: "nothing" }
  | Lacking
  | { readonly kind: "act"; readonly packages: readonly string[] };

/** mmdebstrap is needed only where the base image can be had in no other way. */
export function planBase(facts: BaseFacts): BasePlan {
  if (facts.present || facts.mmdebstrap || facts.registryObstacle === undefined)
    return { kind: "nothing" };
  // an image of the user's own choice cannot be replaced by one that is made here; the build tells what it lacks
  if (!facts.debian) return { kind: "nothing" };
  if (!facts.apt)
    return installByHand(facts, "mmdebstrap (no container registry answers)", "mmdebstrap");
  const packages = [
    "mmdebstrap",
    ...(facts.ubuntu ? ["debian-archive-keyring"] : []),
    ...(facts.privilege === "root" ? [] : ["uidmap"]),
  ];
  if (facts.privilege === "none") {
    return {
      kind: "lacking",
      message: `no container registry answers (${facts.registryObstacle}), and to install mmdebstrap takes root, or sudo`,
      next: `run as root: apt-get install ${packages.join(" ")}`,
    };
  }
  return { kind: "act", packages };
}

function installByHand({ system }: Host, what: string, name: string): Lacking {
  return {
    kind: "lacking",
    message: `${what} is not installed, and set-up can install packages on Debian and Ubuntu only; this is ${system}`,
    next: `install ${name} with this system's package manager${name === "docker" ? " and start it" : ""}, then run "./kragle setup" again`,
  };
}
