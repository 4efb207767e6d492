import type Docker from "dockerode";

import { asFailure, EXIT, StageFailure } from "../host/failure";
import { MADE_ANEW } from "./images";

/** An older Docker does not know the kernel's newest capabilities, and says only of one at a time which. */
export async function createContainer(
  docker: Docker,
  description: Docker.ContainerCreateOptions,
): Promise<Docker.Container> {
  // also where nobody is left to remove it
  const HostConfig = { ...description.HostConfig, AutoRemove: true };
  try {
    return await docker.createContainer({ ...description, HostConfig });
  } catch (error) {
    const unknown = /unknown capability: "CAP_(\w+)"/.exec((error as Error).message)?.[1];
    const capabilities = (HostConfig.CapAdd ?? []) as string[];
    if (!unknown || !capabilities.includes(unknown)) {
      throw refusal("create", error as Error);
    }
    const CapAdd = capabilities.filter((capability) => capability !== unknown);
    return createContainer(docker, { ...description, HostConfig: { ...HostConfig, CapAdd } });
  }
}

/** Docker's words, and what to do about them; all of these are the machine's, not the build's. */
const KNOWN_REFUSALS: readonly (readonly [words: RegExp, hint: string])[] = [
  [
    /port is already allocated|address already in use/,
    'another program has that port; set "vnc" to another one, or to off',
  ],
  [
    /failed to create endpoint|adding interface|network \S+ not found|set up container networking/,
    "Docker's network on this machine is broken: restart Docker (systemctl restart docker), then run the same command again; finished stages are kept",
  ],
  [/No such image/i, MADE_ANEW],
  [
    /bind source path does not exist|mounts denied/i,
    "Docker's daemon sees other files than this process: where kragle itself runs in a container, its folder has to be mounted there under the very path that it has on the host; the same goes for KRAGLE_HOME",
  ],
  [
    /apparmor/i,
    "the kernel confines by AppArmor: install apparmor (apt-get install apparmor), then restart Docker",
  ],
];

/** @param error of the daemon, or of the connection to it */
export function refusal(what: "create" | "start", error: Error): StageFailure {
  const explained = asFailure(error);
  if (explained) return explained;
  const { message } = error;
  const hint = KNOWN_REFUSALS.find(([words]) => words.test(message))?.[1];
  return new StageFailure(
    `Docker could not ${what} the container: ${message.trim()}`,
    hint ? { hint, exitCode: EXIT.lacking } : {},
  );
}
