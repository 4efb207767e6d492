import { randomBytes } from "node:crypto";
import { readFileSync } from "node:fs";

import type { StageTask } from "./task";

/** Characters that VNC looks at. */
const PASSWORD_LENGTH = 8;

export interface ScreenOptions {
  /** On 127.0.0.1 of this machine; null for no screen. */
  readonly port: number | null;
  /** Packer's template, in JSON. */
  readonly template: string;
  readonly detail: (line: string) => void;
}

/**
 * The part of a task that shows its guest's screen, where somebody asked for it, and tells how to see it. The password is of this run
 * alone; no file on disk but the stage's own log has it. A screen into which Packer types has none: see `listening_inside` of
 * packer_template.py.
 */
export function showScreen({ port, template, detail }: ScreenOptions): {
  task: Pick<StageTask, "publishScreen">;
  secrets: Readonly<Record<string, string>>;
} {
  if (port === null) return { task: {}, secrets: {} };
  const screenPassword = randomBytes(PASSWORD_LENGTH)
    .toString("base64url")
    .slice(0, PASSWORD_LENGTH);
  const behind = isTypedInto(template)
    ? "without a password, since Packer types into it; every user of this machine can watch and type"
    : `password ${screenPassword}; whoever on this machine has it can watch and type`;
  detail(`the guest's screen: VNC at 127.0.0.1:${port}, ${behind}`);
  return { task: { publishScreen: port }, secrets: { screenPassword } };
}

/** What is no template is told by the program that reads it. */
function isTypedInto(template: string): boolean {
  try {
    const { builders } = JSON.parse(readFileSync(template, "utf8")) as {
      builders: { boot_command?: unknown[] | string }[];
    };
    return builders.some(({ boot_command: typed }) => typed !== undefined && typed.length > 0);
  } catch {
    return false;
  }
}
