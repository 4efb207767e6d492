import { execFile } from "node:child_process";
import { dirname } from "node:path";
import { promisify } from "node:util";

import { projectFolder } from "../host/project";
import { NO_DOCKER } from "./devProgram";
import type { Ended } from "./kragle";

interface Surroundings {
  /** The project's folder, where it is a copy. */
  readonly folder?: string;
  /** Added to this process's own; by default no Docker daemon can be found. */
  readonly environment?: Readonly<Record<string, string>>;
  /** After how many seconds it is killed with all that it started. By default 120. */
  readonly seconds?: number;
}

/**
 * Runs a line of bash in which `kragle` is this checkout's, on a store of the test's own.
 *
 * @param args what the line calls `$1` and on
 * @returns the code 137 where it had to be killed
 */
export async function inBash(
  home: string,
  line: string,
  args: readonly string[] = [],
  { folder = projectFolder, environment = NO_DOCKER, seconds = 120 }: Surroundings = {},
): Promise<Ended> {
  const { KRAGLE_STACK: _, ...inherited } = process.env;
  const PATH = `${dirname(process.execPath)}:${folder}:${inherited.PATH}`;
  const env = { ...inherited, PATH, KRAGLE_HOME: home, ...environment };
  const limited = ["--signal=KILL", String(seconds), "bash", "-c", line, "bash", ...args];
  const done = promisify(execFile)("timeout", limited, {
    ...{ cwd: folder, env, maxBuffer: 2 ** 26 },
  });
  return done.then(
    (out) => ({ code: 0, ...out }),
    // whoever kills the group is in it
    ({ code, ...out }: Ended) => ({ ...out, code: code ?? 137 }),
  );
}
