import { randomUUID } from "node:crypto";
import { join } from "node:path";

import type Docker from "dockerode";

import { afterThisProcess } from "../host/lifeline";
import { projectFolder } from "../host/project";

/**
 * A name for a container that is about to be created. The container is removed once this process has ended, however it ends. That is for
 * containers which were created but never started: a running one sees the end of its stdin and ends by itself.
 *
 * @returns the name, and a function that removes the container earlier
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
    // where Docker did not answer at all, the removal is tried again when this process ends
    if (!failure || failure.statusCode !== undefined) cancel();
  };
  return { name, remove };
}
