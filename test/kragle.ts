import { spawn } from "node:child_process";
import { text } from "node:stream/consumers";
import { dirname, join } from "node:path";

import { projectFolder } from "../host/project";
import { NO_DOCKER } from "./devProgram";

export interface Ended {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/**
 * Runs `./kragle ARGUMENTS` on a store of the test's own, without a Docker daemon.
 *
 * @param options.folder the project's folder, where it is a copy
 * @param options.file the command line; by default that of the folder
 */
export async function kragle(
  home: string,
  args: readonly string[],
  options: {
    readonly folder?: string;
    readonly file?: string;
    readonly input?: string;
    readonly environment?: Readonly<Record<string, string>>;
  } = {},
): Promise<Ended> {
  const { folder = projectFolder, input = "", environment } = options;
  const { file = join(folder, "kragle") } = options;
  const { KRAGLE_STACK: _, ...inherited } = process.env;
  // the launcher takes the Node that these tests run on
  const PATH = `${dirname(process.execPath)}:${inherited.PATH}`;
  const child = spawn(file, args, {
    cwd: folder,
    env: { ...inherited, PATH, ...NO_DOCKER, KRAGLE_HOME: home, ...environment },
  });
  // a command that does not read its stdin may have ended by now
  child.stdin.on("error", () => undefined).end(input);
  const code = new Promise<number | null>((resolve) => child.once("close", resolve));
  const [stdout, stderr] = await Promise.all([text(child.stdout), text(child.stderr)]);
  return { code: await code, stdout, stderr };
}
