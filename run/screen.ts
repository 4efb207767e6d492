import { randomBytes } from "node:crypto";

import type { StageTask } from "./task";

/** Characters that VNC looks at. */
const PASSWORD_LENGTH = 8;

/**
 * The part of a task that shows its guest's screen, where somebody asked for it, and tells how to see it. The password is of this run
 * alone; no file on disk but the stage's own log has it.
 *
 * @param port on 127.0.0.1 of this machine; null for no screen
 */
export function showScreen(
  port: number | null,
  detail: (line: string) => void,
): { task: Pick<StageTask, "publishScreen">; secrets: Readonly<Record<string, string>> } {
  if (port === null) return { task: {}, secrets: {} };
  const screenPassword = randomBytes(PASSWORD_LENGTH)
    .toString("base64url")
    .slice(0, PASSWORD_LENGTH);
  detail(
    `the guest's screen: VNC at 127.0.0.1:${port}, password ${screenPassword}; whoever on this machine has it can watch and type`,
  );
  return { task: { publishScreen: port }, secrets: { screenPassword } };
}
