import Docker from "dockerode";

import { claimHome, homeFolder } from "../host/home";
import { dockerEndpoint, socketOf } from "./dockerEndpoint";

/** What a run of kragle works with on this machine. */
export interface Site {
  /** The `.kragle` folder: store, roots, locks, logs. */
  readonly home: string;
  /** The Docker daemon. */
  readonly docker: Docker;
}

/**
 * The site that this process's environment names: KRAGLE_HOME, and the daemon that Docker's own client asks. The home is made where
 * there is none.
 *
 * @throws StageFailure where KRAGLE_HOME names somebody else's folder (exit code 2), or that daemon's address can be none (3)
 */
export function thisSite(): Site {
  const home = homeFolder();
  claimHome(home);
  return { home, docker: thisDocker() };
}

/** The daemon of this process's environment. Where DOCKER_HOST is no socket, the client reads Docker's other variables, too. */
export function thisDocker(): Docker {
  const socketPath = socketOf(dockerEndpoint().address);
  return socketPath ? new Docker({ socketPath }) : new Docker();
}
