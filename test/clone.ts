import { execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readlinkSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { stringify } from "yaml";

import { projectFolder } from "../host/project";

export interface Finished {
  readonly code: number | null;
  readonly stdout: string;
  readonly stderr: string;
}

/** Lays the project out as a clone has it, in a new folder with a space and a non-ASCII letter in its name. */
function checkOut(): string {
  const folder = mkdtempSync(join(tmpdir(), "kragle klön "));
  const git = ["ls-files", "--cached", "--others", "--exclude-standard", "-z"];
  const listed = execFileSync("git", git, { cwd: projectFolder, encoding: "utf8" });
  for (const name of listed.split("\0").filter(Boolean)) {
    const to = join(folder, name);
    mkdirSync(dirname(to), { recursive: true });
    const from = join(projectFolder, name);
    // Node's cp follows a link to a folder and then refuses the folder
    if (lstatSync(from).isSymbolicLink()) symlinkSync(readlinkSync(from), to);
    else cpSync(from, to);
  }
  symlinkSync(join(projectFolder, "node_modules"), join(folder, "node_modules"));
  return folder;
}

/** A copy of the project as a clone has it, in a folder of its own. */
export class Clone {
  constructor(readonly folder = checkOut()) {}

  /** Copies the folder with all that is in it, as `cp -a` does. */
  copy(): Clone {
    const copy = new Clone(`${this.folder} copy`);
    execFileSync("cp", ["-a", this.folder, copy.folder]);
    return copy;
  }

  /** Gives the folder another name, under which it goes on. */
  move(): Clone {
    const moved = new Clone(`${this.folder} moved`);
    renameSync(this.folder, moved.folder);
    return moved;
  }

  path(...parts: string[]): string {
    return join(this.folder, ...parts);
  }

  /** Adds a stack with these settings. */
  addStack(name: string, settings: Record<string, unknown>): void {
    const config = Object.fromEntries(
      Object.entries(settings).map(([key, value]) => [`kragle:${key}`, value]),
    );
    writeFileSync(this.path(`Pulumi.${name}.yaml`), stringify({ config }));
  }

  /** Runs `./kragle ARGUMENTS` in the clone. */
  async kragle(args: readonly string[], environment: NodeJS.ProcessEnv = {}): Promise<Finished> {
    const child = this.start(args, environment);
    let stdout = "";
    let stderr = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (stdout += text));
    child.stderr.setEncoding("utf8").on("data", (text: string) => (stderr += text));
    const [code] = (await once(child, "close")) as [number | null];
    return { code, stdout, stderr };
  }

  start(args: readonly string[], environment: NodeJS.ProcessEnv = {}) {
    return spawn(this.path("kragle"), args, {
      cwd: this.folder,
      env: { ...process.env, KRAGLE_HOME: this.path(".kragle"), ...environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
  }

  remove(): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}

/** The one JSON document that a command printed. */
export function jsonOf<T>(finished: Finished): T {
  try {
    return JSON.parse(finished.stdout) as T;
  } catch {
    throw new Error(
      `not one JSON document (exit code ${finished.code}):\n${finished.stdout}\n${finished.stderr}`,
    );
  }
}
