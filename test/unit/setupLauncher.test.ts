import assert from "node:assert/strict";
import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readFileSync, rmSync, statSync, symlinkSync } from "node:fs";
import { join } from "node:path";

import { Copy } from "./setupCopy";

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

  it("refuses a closed stdout, which Node would take for /dev/null", () => {
    copy.withNode().withDependencies();
    for (const verb of ["--version", "setup"]) {
      const env = { PATH: copy.programs };
      for (const closed of [">&-", ">&- 2>&-"]) {
        const line = `exec '${join(copy.root, "kragle")}' ${verb} ${closed}`;
        const { status, stderr } = spawnSync("/bin/sh", ["-c", line], { env, encoding: "utf8" });
        assert.equal(status, 3, closed);
        if (closed === ">&-") {
          assert.match(stderr, /^the output could not be written: stdout is closed; .*\n$/);
        }
      }
    }
  });

  it("refuses a limit of open files with which Node would crash, or wait for ever", () => {
    copy.withNode().withDependencies();
    const env = { PATH: copy.programs };
    for (const [limit, code] of [
      [20, 3],
      [255, 3],
      [256, 0],
    ]) {
      const line = `ulimit -n ${limit}; exec '${join(copy.root, "kragle")}' x`;
      const { status, stderr } = spawnSync("/bin/sh", ["-c", line], { env, encoding: "utf8" });
      assert.equal(status, code, stderr);
      if (code)
        assert.match(
          stderr,
          /^this process may have \d+ files open at once, and kragle needs 256; next: .*\n$/,
        );
    }
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

  it("makes nothing that other users could write, by either way in, whatever the umask", () => {
    copy.withNode().withDependencies();
    const env = { PATH: copy.programs };
    const at = (name: string) => `'${join(copy.root, name)}'`;
    const loaded = `--require ${at("setup/loader.cjs")} ${at("cli/main.ts")}`;
    for (const command of [at("kragle"), `'${process.execPath}' ${loaded}`]) {
      const compiled = join(copy.root, ".kragle/compiled");
      rmSync(compiled, { recursive: true, force: true });
      spawnSync("/bin/sh", ["-c", `umask 0; exec ${command} x`], { env });
      for (const name of [".", "cli", "cli/echo.ts.js"]) {
        assert.equal(statSync(join(compiled, name)).mode & 0o022, 0o020, `${command}: ${name}`);
      }
    }
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

  const TOO_OLD = /Node 22\.13 or newer is needed, and the machine's is v20\.20\.2;/;
  for (const [lack, why, prepare] of [
    ["Node", /is needed, and the machine's is none;/, () => copy.withDependencies()],
    ["a Node that is new enough", TOO_OLD, () => withOldNode(copy)],
    ["the dependencies", /dependencies are not installed yet;/, () => copy.withNode()],
  ] as const) {
    it(`says in one line what to do without ${lack}`, () => {
      prepare();
      const { status, stdout, stderr } = copy.run(["up"]);
      assert.equal(status, 3);
      assert.equal(stdout, "");
      assert.match(stderr, /^kragle: .*npm start.*\.\/kragle setup.*\n$/);
      assert.match(stderr, why);
    });
  }
});

const withOldNode = (copy: Copy) => copy.withDependencies().program("node", 'echo "v20.20.2"');
