import type Docker from "dockerode";

import { StageFailure } from "../host/failure";
import { runOwned } from "./ownedContainer";

/**
 * Starts a container in the network that stages use, which Docker lists although nothing may be left of it.
 *
 * @param image any that has the program `true`
 * @returns why none can be started; undefined where one ran
 */
export async function networkObstacle(
  docker: Docker,
  image: string,
): Promise<{ readonly obstacle: string; readonly next: string } | undefined> {
  try {
    const exitCode = await runOwned(docker, {
      description: {
        Image: image,
        Entrypoint: ["true"],
        Cmd: [],
        HostConfig: { NetworkMode: "bridge" },
      },
      request: {},
      onOutput: () => undefined,
    });
    return exitCode === 0
      ? undefined
      : { obstacle: `a container ended with exit code ${exitCode}`, next: "see Docker's own log" };
  } catch (error) {
    if (!(error instanceof StageFailure)) throw error;
    return { obstacle: error.message, next: error.details.hint ?? "see Docker's own log" };
  }
}
