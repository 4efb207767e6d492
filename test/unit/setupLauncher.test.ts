import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import {
  chmodSync,
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  rmSync,
  symlinkSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join, resolve } from "node:path";

const project = resolve(__dirname, "../..");

/** A copy of the launcher and of set-up in a folder with an awkward name, with stubs for what they start. */
class Copy {
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
    for (const name of ["tsx", "esbuild", "@esbuild"]) {
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

describe("the launcher", () => {
  let copy: Copy;
  beforeEach(() => (copy = new Copy()));
  afterEach(() => rmSync(copy.outer, { recursive: true }));

  it("passes arguments on as they are, from any folder and through a symbolic link", () => {
    copy.withNode().withDependencies();
    symlinkSync(join(copy.root, "kragle"), join(copy.outer, "link ö"));
    const words = ["up", "-s", "a b", "", "*", "ü"];
    const { stdout } = copy.run(words, { from: copy.outer, file: "./link ö" });
    assert.deepEqual(JSON.parse(stdout), { words, cwd: copy.outer });
  });

  it("becomes the command itself, so that ending it leaves nothing behind", async () => {
    copy.withNode().withDependencies();
    const child = spawn(join(copy.root, "kragle"), ["wait"], { env: { PATH: copy.programs } });
    const [printed] = (await once(child.stdout, "data")) as [Buffer];
    assert.equal(Number(printed), child.pid);
    child.kill("SIGKILL");
    await once(child, "close");
  });

  it("compiles each file once, and again when it has changed", () => {
    copy.withNode().withDependencies();
    copy.run(["one"]);
    const compiled = join(copy.root, ".kragle/compiled/cli/echo.ts.js");
    const first = readFileSync(compiled, "utf8");
    copy.run(["two"]);
    assert.equal(readFileSync(compiled, "utf8"), first);
    copy.write("cli/echo.ts", 'export const echo = (_: unknown) => console.log("changed");');
    assert.equal(copy.run(["three"]).stdout, "changed\n");
  });

  it("shows TypeScript lines in stack traces", () => {
    copy.withNode().withDependencies();
    copy.write("cli/main.ts", 'interface Unused {\n  a: string;\n}\nthrow new Error("here");\n');
    assert.match(copy.run([]).stderr, /cli\/main\.ts:4/);
  });

  it("takes the Node in .kragle where the machine's is too old, for the programs that it starts too", () => {
    copy.withDependencies().program("node", 'echo "v22.12.0"');
    const folder = join(copy.root, ".kragle/node/node_modules/.bin");
    mkdirSync(folder, { recursive: true });
    symlinkSync(process.execPath, join(folder, "node"));
    copy.write("cli/main.ts", "console.log(process.env.PATH);");
    assert.equal(copy.run([]).stdout, `${folder}:${copy.programs}\n`);
  });

  for (const [lack, prepare] of [
    ["Node", () => copy.withDependencies()],
    ["a Node that is new enough", () => copy.withDependencies().program("node", 'echo "v20.20.2"')],
    ["the dependencies", () => copy.withNode()],
  ] as const) {
    it(`says in one line what to do without ${lack}`, () => {
      prepare();
      const { status, stdout, stderr } = copy.run(["up"]);
      assert.equal(status, 3);
      assert.equal(stdout, "");
      assert.match(stderr, /^kragle: .*npm start.*\.\/kragle setup.*\n$/);
    });
  }
});

describe("set-up's first part", () => {
  let copy: Copy;
  beforeEach(() => (copy = new Copy()));
  afterEach(() => rmSync(copy.outer, { recursive: true }));

  const NPM_MAKES_MODULES = `
    echo "npm $* in $PWD" >> "${"$LOG"}"
    mkdir -p node_modules/.bin
    echo '{}' > node_modules/.package-lock.json`;

  /** An npm that notes its call, and links what the loader needs. */
  const withNpm = (extra = "") => {
    const log = join(copy.outer, "npm.log");
    const links = ["tsx", "esbuild", "@esbuild"]
      .map(
        (name) =>
          `[ -e node_modules/${name} ] || ln -s ${project}/node_modules/${name} node_modules/${name}`,
      )
      .join("\n");
    copy.program("npm", `LOG=${log}${NPM_MAKES_MODULES}\n${links}\n${extra}`);
    symlinkSync("/bin/ln", join(copy.programs, "ln"));
    return () => (existsSync(log) ? readFileSync(log, "utf8").trim().split("\n") : []);
  };

  it("does nothing where nothing is lacking", () => {
    copy.withNode().withDependencies();
    const calls = withNpm();
    const { status, stdout } = copy.run(["setup", "--yes"]);
    assert.equal(status, 0);
    assert.equal(stdout, "docker part --yes\n");
    assert.deepEqual(calls(), []);
  });

  it("installs the dependencies where there are none, or other ones are asked for, without their scripts", () => {
    copy.withNode();
    const calls = withNpm();
    assert.match(
      copy.run(["setup"]).stdout,
      /» install the Node dependencies[^]*docker part --did-something\n$/,
    );
    const lock = join(copy.root, "package-lock.json");
    utimesSync(lock, new Date(), new Date(Date.now() + 5000));
    copy.run(["setup"]);
    assert.equal(calls().length, 2);
    assert.match(calls()[0]!, /^npm ci --ignore-scripts .* in .*my copy ü$/);
  });

  it("gets a Node from npm where the machine's is too old", () => {
    copy.program("node", 'echo "v20.20.2"');
    const node = process.execPath;
    const calls = withNpm(`[ "\${PWD##*/}" = node ] && ln -s ${node} node_modules/.bin/node; true`);
    const { status, stdout, stderr } = copy.run(["setup"]);
    assert.equal(status, 0, stderr);
    assert.match(stdout, /the machine's: v20\.20\.2/);
    assert.deepEqual(
      calls().map((call) => call.replace(/.* in .*my copy ü/, "")),
      ["/.kragle/node", ""],
    );
  });

  it("ends with exit code 3 and npm's own words where npm fails or is not there", () => {
    copy.withNode();
    assert.match(
      copy.run(["setup"]).stderr,
      /npm is not installed\n {2}next: .*apt-get install nodejs npm/,
    );
    copy.program("npm", "echo 'npm error network' >&2; exit 7");
    const { status, stderr } = copy.run(["setup"]);
    assert.equal(status, 3);
    assert.match(
      stderr,
      /npm error network\nset-up: npm ci failed with exit code 7 .*\n {2}next: /,
    );
  });

  it("refuses arguments that it does not know, and explains itself", () => {
    const { status, stderr } = copy.run(["setup", "--force"]);
    assert.equal(status, 2);
    assert.match(stderr, /"--force" .* allowed are --yes, --help/);
    assert.match(copy.run(["setup", "--help"]).stdout, /^Usage: \.\/kragle setup/);
  });
});
