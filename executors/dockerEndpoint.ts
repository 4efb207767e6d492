import { createHash } from "node:crypto";
import { existsSync, realpathSync } from "node:fs";
import { join } from "node:path";

import { EXIT, StageFailure } from "../host/failure";
import { textIn } from "../host/files";
import { userHome } from "../host/user";

/** Where the Docker daemon is asked, and what says so. */
export interface DockerEndpoint {
  /** As in DOCKER_HOST: unix:///var/run/docker.sock. */
  readonly address: string;
  /** Undefined where nothing but Docker's own default does. */
  readonly saidBy: string | undefined;
  /** How to have the default again. */
  readonly undo: string;
}

type Environment = Readonly<Record<string, string | undefined>>;

const DEFAULT_ADDRESS = "unix:///var/run/docker.sock";

/**
 * The daemon that the user's own Docker client asks: that of DOCKER_HOST, else that of the context in DOCKER_CONTEXT or by
 * `docker context use`, else the default one. See docker/cli, cli/command/cli.go: resolveContextName.
 *
 * @throws StageFailure (exit code 3) where what is said is no address, there is no such context, or it is another machine's
 */
export function dockerEndpoint(environment: Environment = process.env): DockerEndpoint {
  const { DOCKER_HOST: host, DOCKER_CONTEXT: asked } = environment;
  if (host) {
    const saidBy = "DOCKER_HOST";
    return { address: checked(host, saidBy), saidBy, undo: "unset DOCKER_HOST" };
  }
  const folder = environment.DOCKER_CONFIG ?? join(userHome(), ".docker");
  const name = asked ?? textIn(join(folder, "config.json"), ["currentContext"]);
  if (!name || name === "default") {
    return { address: DEFAULT_ADDRESS, saidBy: undefined, undo: "" };
  }
  const saidBy = `the Docker context "${name}"`;
  const undo = asked ? "unset DOCKER_CONTEXT" : "docker context use default";
  const id = createHash("sha256").update(name).digest("hex");
  const meta = join(folder, "contexts/meta", id, "meta.json");
  const address = textIn(meta, ["Endpoints", "docker", "Host"]);
  if (!address) {
    throw new StageFailure(`${saidBy} is in use, and ${folder} has no such context`, {
      hint: `"docker context ls" lists those that there are; without one: ${undo}`,
      exitCode: EXIT.lacking,
    });
  }
  if (!socketOf(checked(address, saidBy))) {
    throw new StageFailure(`${saidBy} is in use, whose daemon is on another machine (${address})`, {
      hint: `folders of this machine are mounted into the containers; use a daemon of this machine: ${undo}`,
      exitCode: EXIT.lacking,
    });
  }
  return { address, saidBy, undo };
}

/**
 * Pulumi's Docker provider, which builds the builder image, asks its own setting `docker:host`, else DOCKER_HOST, else the default
 * daemon (pulumi/pulumi-docker, provider/image.go); what runs the stages asks {@link dockerEndpoint}.
 *
 * @param setting the stack's `docker:host`
 * @returns what is wrong where those are two daemons
 */
export function otherDaemon(
  setting: string | undefined,
  environment: Environment = process.env,
): string | undefined {
  const { address, saidBy = "Docker's default" } = dockerEndpoint(environment);
  if (setting && !isSameDaemon(setting, address)) {
    return `docker:host is ${setting}, where the builder image would be built, and the stages run at ${address} (${saidBy}); take docker:host out, or export DOCKER_HOST=${setting}`;
  }
  const asked = setting ?? (environment.DOCKER_HOST || DEFAULT_ADDRESS);
  return isSameDaemon(asked, address)
    ? undefined
    : `${saidBy} is in use, which Pulumi's Docker provider does not read; export DOCKER_HOST=${address}, or run ./kragle up, which hands it on`;
}

/** Whether two addresses are one daemon's. */
function isSameDaemon(one: string, other: string): boolean {
  const real = (address: string) => {
    const socket = socketOf(address);
    return socket && existsSync(socket) ? realpathSync(socket) : address;
  };
  return real(one) === real(other);
}

/** The socket's path, where the daemon is asked by one of this machine. */
export const socketOf = (address: string): string | undefined =>
  address.startsWith("unix://") ? address.slice("unix://".length) : undefined;

function checked(address: string, saidBy: string): string {
  if (/^unix:\/\/\/|^(tcp|https?|ssh):\/\/[^/]/.test(address) && URL.canParse(address))
    return address;
  throw new StageFailure(`${saidBy} says "${address}", which is no address of a Docker daemon`, {
    hint: `write it as in ${DEFAULT_ADDRESS}, or do without`,
    exitCode: EXIT.lacking,
  });
}
