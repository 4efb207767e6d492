import type Docker from "dockerode";

import { StageFailure } from "../host/failure";
import { closeNetwork } from "./closedNetwork";
import type { DaemonObstacle } from "./daemon";
import { type OwnedRun, runOwned } from "./ownedContainer";

/**
 * Starts a container in the network that stages use, which Docker lists although nothing may be left of it.
 *
 * @param image any that has a shell
 * @param prepare what has to be done to the running container
 * @returns why none can be started; undefined where one ran
 */
export async function networkObstacle(
  docker: Docker,
  image: string,
  prepare: NonNullable<OwnedRun["prepare"]> = () => Promise.resolve(),
): Promise<DaemonObstacle | undefined> {
  try {
    const exitCode = await runOwned(docker, {
      description: {
        Image: image,
        // until it is prepared
        Entrypoint: ["sh", "-c", "read -r request"],
        Cmd: [],
        HostConfig: { NetworkMode: "bridge" },
      },
      request: {},
      prepare,
    });
    return exitCode === 0
      ? undefined
      : { obstacle: `a container ended with exit code ${exitCode}`, next: "see Docker's own log" };
  } catch (error) {
    if (!(error instanceof StageFailure)) throw error;
    return { obstacle: error.message, next: error.details.hint ?? "see Docker's own log" };
  }
}

/**
 * The same, and closes its network as a guest's is.
 *
 * @param toolsImage which has the program that sets the rules
 */
export const guestNetworkObstacle = (
  docker: Docker,
  toolsImage: string,
  allow: readonly string[],
) =>
  networkObstacle(docker, toolsImage, (container) =>
    closeNetwork(docker, container, { image: toolsImage, allow }),
  );
