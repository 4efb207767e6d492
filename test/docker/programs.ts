import { execFileSync } from "node:child_process";
import { cpSync, mkdirSync, mkdtempSync, readdirSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

const builder = resolve(__dirname, "../../builder");

/**
 * kragle's own programs of this very tree in one folder, as the builder image has them at /usr/local/lib/kragle: tests try them
 * as they are, whatever image is at hand. Removed when the process ends.
 */
export function programs(): string {
  folder ??= collect();
  return folder;
}

let folder: string | undefined;

function collect(): string {
  const made = mkdtempSync(join(tmpdir(), "kragle-programs-"));
  process.once("exit", () => rmSync(made, { recursive: true, force: true }));
  const all = join(made, "kragle");
  mkdirSync(all, { mode: 0o755 });
  const stages = readdirSync(join(builder, "stages")).map((stage) => join("stages", stage));
  for (const part of [...stages, "byhand"]) {
    cpSync(join(builder, part), all, { recursive: true, errorOnExist: true, force: false });
  }
  return all;
}

/** Runs a piece of Python beside those programs, in the tools image as root, with a folder at /w. @returns what it prints */
export function runPython(image: string, folder: string, script: string): string {
  const mount = (source: string, target: string) => ["--volume", `${source}:${target}`];
  return execFileSync(
    "docker",
    [
      ...["run", "--rm", "--interactive", "--network", "none", "--entrypoint", "python3"],
      ...["--env", "PYTHONPATH=/usr/local/lib/kragle"],
      ...mount(`${programs()}`, "/usr/local/lib/kragle:ro"),
      ...[...mount(folder, "/w"), image, "-"],
    ],
    { encoding: "utf8", input: script, maxBuffer: 2 ** 26 },
  );
}
