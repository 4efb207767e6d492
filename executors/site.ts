import Docker from "dockerode";

import { homeFolder } from "../host/project";

/** What a run of kragle works with on this machine. */
export interface Site {
  /** The `.kragle` folder: store, roots, locks, logs. */
  readonly home: string;
  /** The Docker daemon. */
  readonly docker: Docker;
}

/** The site that this process's environment names: KRAGLE_HOME, and Docker's own variables such as DOCKER_HOST. */
export const thisSite = (): Site => ({ home: homeFolder(), docker: new Docker() });
