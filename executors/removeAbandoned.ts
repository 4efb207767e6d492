import { setTimeout as sleep } from "node:timers/promises";

import type Docker from "dockerode";

import { thisDocker } from "./site";

// A program that ownedContainer.ts starts once the process that named a container has ended: removes that container.

/** Docker may still be at work on the request to create it. */
const CREATED_WITHIN_SECONDS = 10;
/** A running container ends by itself; it is given the time to write its last logs. */
const ENDS_WITHIN_SECONDS = 60;

async function removeAbandoned(container: Docker.Container): Promise<void> {
  for (let second = 0; second <= ENDS_WITHIN_SECONDS; second++) {
    const force = second === ENDS_WITHIN_SECONDS;
    const answer = await container.remove({ force, v: true }).then(
      () => "removed",
      (error: { statusCode?: number }) => error.statusCode,
    );
    if (answer === "removed" || (answer === 404 && second >= CREATED_WITHIN_SECONDS)) return;
    await sleep(1000);
  }
}

void removeAbandoned(thisDocker().getContainer(process.argv[2]!));
