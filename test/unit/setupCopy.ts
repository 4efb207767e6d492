import { spawnSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

export const project = resolve(__dirname, "../..");

/** A copy of the launcher and of set-up in a folder with an awkward name, with stubs for what they start. */
export class Copy {
  readonly outer = mkdtempSync(join(tmpdir(), "kragle-launcher-"));
  readonly root = join(this.outer, "my copy ü");
  readonly programs = join(this.outer, "bin");

  constructor() {
    cpSync(join(project, "kragle"), join(this.root, "kragle"));
    cpSync(join(project, "setup"), join(this.root, "setup"), { recursive: true });
    this.write(
      "cli/main.ts",
      `const [command, ...rest]: string[] = process.argv.slice(2);
       if (command === "wait") { console.log(process.pid); setTimeout(() => {}, 60_000); }
       else import("./echo").then(({ echo }) => echo([command, ...rest]));`,
    );
    this.write(
      "cli/echo.ts",
      "export const echo = (words: unknown) => console.log(JSON.stringify({ words, cwd: process.cwd() }));",
    );
    this.write("setup/main.ts", 'console.log("docker part", process.argv.slice(2).join(" "));');
    for (const name of ["package.json", "package-lock.json", ".npmrc"]) this.write(name, "{}");
    // what the tests of this file need, without the network
    for (const tool of ["sh", "readlink", "dirname", "uname", "mkdir", "cp", "sleep", "cat"]) {
      const { stdout } = spawnSync("sh", ["-c", `command -v ${tool}`], { encoding: "utf8" });
      mkdirSync(this.programs, { recursive: true });
      symlinkSync(stdout.trim(), join(this.programs, tool));
    }
  }

  write(path: string, text: string): void {
    mkdirSync(dirname(join(this.root, path)), { recursive: true });
    writeFileSync(join(this.root, path), text);
  }

  program(name: string, script: string): void {
    rmSync(join(this.programs, name), { force: true });
    writeFileSync(join(this.programs, name), `#!/bin/sh\n${script}\n`);
    chmodSync(join(this.programs, name), 0o755);
  }

  withNode(): this {
    symlinkSync(process.execPath, join(this.programs, "node"));
    return this;
  }

  /** Dependencies that are as new as package-lock.json. */
  withDependencies(): this {
    mkdirSync(join(this.root, "node_modules"));
    for (const name of ["esbuild", "@esbuild"]) {
      symlinkSync(join(project, "node_modules", name), join(this.root, "node_modules", name));
    }
    this.write("node_modules/.package-lock.json", "{}");
    return this;
  }

  run(args: string[], { from = this.root, file = join(this.root, "kragle") } = {}) {
    const { status, stdout, stderr } = spawnSync(file, args, {
      cwd: from,
      encoding: "utf8",
      env: { PATH: this.programs },
    });
    return { status, stdout, stderr };
  }
}
