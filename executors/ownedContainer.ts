import { randomUUID } from "node:crypto";
import { join } from "node:path";

import type Docker from "dockerode";

import { afterThisProcess } from "../host/lifeline";
import { projectFolder } from "../host/project";

/**
 * A name for a container that is about to be created, and that is removed once this process has ended, however it ends. A running
 * container ends by its own lifeline; one that this process did not live to start has none.
 *
 * @returns the name, and what removes the container while this process goes on
 */
export function ownContainer(docker: Docker): { name: string; remove: () => Promise<void> } {
  const name = `kragle-${randomUUID()}`;
  const loader = join(projectFolder, "setup/loader.cjs");
  const program = join(projectFolder, "executors/removeAbandoned.ts");
  const { cancel } = afterThisProcess('"$@"', process.execPath, "--require", loader, program, name);
  const remove = async () => {
    const failure = await docker
      .getContainer(name)
      .remove({ force: true, v: true })
      .then(
        () => undefined,
        (error: { statusCode?: number }) => error,
      );
    // whatever Docker answered, it has it in hand; where it did not answer, the end of this process brings another try
    if (!failure || failure.statusCode !== undefined) cancel();
  };
  return { name, remove };
}
