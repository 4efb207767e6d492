import type Docker from "dockerode";

import { SCREEN_PORT, type Task } from "./executor";
import { firewallRules, raiseFirewall } from "./firewall";
import { findSurroundings } from "./surroundings";

/** Among the allowed: every address, and nothing is closed. */
const ANYWHERE = "any";

/** Whether a container with these exceptions gets any rules. */
export const isClosed = (allow: readonly string[] = []) => !allow.includes(ANYWHERE);

/**
 * Closes a running container's network against this machine and its other containers, but for what is allowed.
 *
 * @param labels of the helper container
 * @throws StageFailure where that cannot be done
 */
export async function closeNetwork(
  docker: Docker,
  container: Docker.Container,
  {
    image,
    allow = [],
    publishScreen = false,
    labels = {},
  }: Pick<Task, "image" | "allow"> & {
    readonly publishScreen?: unknown;
    readonly labels?: Record<string, string>;
  },
): Promise<void> {
  if (!isClosed(allow)) return;
  const { NetworkSettings } = await container.inspect();
  const from = Object.values(NetworkSettings.Networks)[0]!.Gateway;
  const { shut, open } = await findSurroundings(docker, allow);
  const screen = publishScreen ? { port: SCREEN_PORT, from } : undefined;
  const rules = firewallRules({ shut: [...shut, from], open, screen });
  await raiseFirewall(docker, container, { image, labels, rules });
}
