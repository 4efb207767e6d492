import { EXIT, StageFailure } from "../host/failure";
import { userName } from "../host/user";
import { isAtLeast } from "../host/version";
import { type DockerEndpoint, dockerEndpoint, socketOf } from "./dockerEndpoint";
import { dockerObstacle } from "./dockerObstacle";
import type { Site } from "./site";

export const OLDEST_DOCKER = [20, 10] as const;

/** A container engine that answers as Docker's daemon does, and what of it matters to kragle. */
export interface DaemonFacts {
  /** "Docker", or the name of an engine that only speaks Docker's language. */
  readonly engine: string;
  readonly version: string;
  readonly storageDriver: string;
  /** Where it keeps images; a folder of this machine, unless it is a remote one. */
  readonly folder: string;
  readonly confinesBySelinux: boolean;
  /** Why a container's users are others than this machine's: a user's own daemon, or dockerd's setting userns-remap. */
  readonly mapsUsers: "rootless" | "userns-remap" | undefined;
  readonly endpoint: Pick<DockerEndpoint, "address" | "saidBy">;
}

/** Why a daemon cannot be worked with, and what to do. */
export interface DaemonObstacle {
  readonly obstacle: string;
  readonly next: string;
}

/** What of the daemon's two answers is read here; everything may be missing where something else answers. */
interface Version {
  readonly Version?: string;
  readonly Components?: readonly { readonly Name?: string }[];
}
interface Info {
  readonly Driver?: string;
  readonly DockerRootDir?: string;
  readonly SecurityOptions?: readonly string[] | null;
}

/** Asks the daemon what it is. */
export async function readDaemon({
  docker,
}: Pick<Site, "docker">): Promise<DaemonFacts | DaemonObstacle> {
  const endpoint = dockerEndpoint();
  const silence = await dockerObstacle({ docker });
  if (silence) return unreachable(endpoint, silence);
  const [version, info] = await Promise.all([
    docker.version().catch(() => ({})) as Promise<Version>,
    // a proxy in front of the daemon may let nobody ask this; it is taken for an ordinary one then
    docker.info().catch(() => ({})) as Promise<Info>,
  ]);
  if (version.Version === undefined) {
    return {
      obstacle: `what answers at ${endpoint.address} is no Docker daemon: it tells no version`,
      next: endpoint.undo || "./kragle setup",
    };
  }
  const options = info.SecurityOptions ?? [];
  const has = (name: string) => options.some((option) => option.split(",").includes(name));
  return {
    engine: engineOf(version),
    version: version.Version,
    storageDriver: info.Driver ?? "unknown",
    folder: info.DockerRootDir ?? "/var/lib/docker",
    confinesBySelinux: has("name=selinux"),
    mapsUsers: has("name=rootless") ? "rootless" : has("name=userns") ? "userns-remap" : undefined,
    endpoint,
  };
}

function unreachable(
  { address, saidBy, undo }: DockerEndpoint,
  { code, words }: { readonly code: string; readonly words: string },
): DaemonObstacle {
  const [why, next] =
    code === "EACCES"
      ? ["you may not use it", `sudo usermod --append --groups docker ${userName()}, log in again`]
      : [
          ["ENOENT", "ECONNREFUSED"].includes(code) ? "no daemon answers there" : words,
          "./kragle setup",
        ];
  return {
    obstacle: `Docker cannot be reached at ${address}: ${why}`,
    next: saidBy ? `start that daemon, or ${undo}` : next,
  };
}

/** The engine's name: Docker calls its main component "Engine", Podman "Podman Engine". */
function engineOf({ Components }: Version): string {
  const other = Components?.map(({ Name = "" }) => Name).find((name) => /^\w+ Engine$/.test(name));
  return other?.replace(" Engine", "") ?? "Docker";
}

/** Why kragle cannot work with what `readDaemon` found: none that answers, or one that lacks something. Undefined where it can. */
export function daemonObstacle(facts: DaemonFacts | DaemonObstacle): DaemonObstacle | undefined {
  if ("obstacle" in facts) return facts;
  const { engine, version, mapsUsers, endpoint } = facts;
  const where = `${endpoint.saidBy ?? "Docker's default"}, ${endpoint.address}`;
  const other = `use a daemon that root started and that maps no users: have DOCKER_HOST or "docker context use" name it`;
  if (engine !== "Docker") {
    return {
      obstacle: `this is ${engine} ${version} (${where}), and kragle needs Docker's own engine`,
      next: `install Docker, and have DOCKER_HOST or "docker context use" name its socket`,
    };
  }
  if (!isAtLeast(version, OLDEST_DOCKER)) {
    return {
      obstacle: `Docker ${version} (${where}) is older than ${OLDEST_DOCKER.join(".")}`,
      next: "install a newer Docker engine",
    };
  }
  if (mapsUsers === "rootless") {
    return {
      obstacle: `this Docker is rootless (${where}): its containers' users are not this machine's, and could not write the folders that they are given`,
      next: other,
    };
  }
  if (mapsUsers) {
    return {
      obstacle: `this Docker (${where}) has the setting userns-remap: its containers' users are not this machine's, and could not write the folders that they are given`,
      next: `take userns-remap out of /etc/docker/daemon.json and restart Docker, or ${other}`,
    };
  }
  return undefined;
}

/** The daemon's socket is none of this machine's. */
export const isRemote = ({ endpoint }: Pick<DaemonFacts, "endpoint">): boolean =>
  socketOf(endpoint.address) === undefined;

/**
 * Looks whether stages can run here, as doctor does.
 *
 * @throws StageFailure (exit code 3) where no daemon answers, or one that kragle cannot work with
 */
export async function requireDaemon(site: Pick<Site, "docker">): Promise<void> {
  const problem = daemonObstacle(await readDaemon(site));
  if (!problem) return;
  throw new StageFailure(problem.obstacle, {
    hint: `${problem.next}; ./kragle doctor shows all that this machine lacks`,
    exitCode: EXIT.lacking,
  });
}
