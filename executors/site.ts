import Docker from "dockerode";

import { homeFolder } from "../host/project";
import { dockerEndpoint, socketOf } from "./dockerEndpoint";

/** What a run of kragle works with on this machine. */
export interface Site {
  /** The `.kragle` folder: store, roots, locks, logs. */
  readonly home: string;
  /** The Docker daemon. */
  readonly docker: Docker;
}

/**
 * The site that this process's environment names: KRAGLE_HOME, and the daemon that Docker's own client asks.
 *
 * @throws StageFailure (exit code 3) where that cannot be the address of a daemon
 */
export const thisSite = (): Site => ({ home: homeFolder(), docker: thisDocker() });

/** The daemon of this process's environment. Where DOCKER_HOST is no socket, the client reads Docker's other variables, too. */
export function thisDocker(): Docker {
  const socketPath = socketOf(dockerEndpoint().address);
  return socketPath ? new Docker({ socketPath }) : new Docker();
}
