import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  copyFileSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { projectFolder } from "../../host/project";

/** What a program prints that the loader loads, in a process of its own. */
function run(program: string): string {
  return execFileSync(process.execPath, ["--require", "./setup/loader.cjs", "-e", program], {
    cwd: projectFolder,
    encoding: "utf8",
  });
}

describe("the loader", function () {
  this.timeout(60_000);

  it("leaves out what the Pulumi SDK needs to serialise functions only", () => {
    const said = run(
      'require("./infra/program"); console.log(JSON.stringify(Object.keys(require.cache)))',
    );
    const loaded = JSON.parse(said) as string[];
    assert.ok(loaded.some((file) => file.includes("/@pulumi/pulumi/runtime/closure/")));
    const unused = loaded.filter((file) => /node_modules\/(typescript|@npmcli)\//.test(file));
    assert.deepEqual(unused, []);
  });

  it("stands between no package and Node's own modules, of whose age Node would warn", () => {
    const program = 'new (require("dockerode"))(); require("./cli/runStage")';
    const args = ["--require", "./setup/loader.cjs", "-e", program];
    const { stderr, status } = spawnSync(process.execPath, args, {
      cwd: projectFolder,
      encoding: "utf8",
    });
    assert.deepEqual([status, stderr], [0, ""]);
  });

  it("loads it for whoever serialises one", () => {
    const said = run(`
      require("./infra/program");
      const { runtime } = require("@pulumi/pulumi");
      runtime.serializeFunction(() => 42).then(({ text }) => console.log(text));`);
    assert.match(said, /42/);
  });

  it("writes nothing beside itself where it was installed", () => {
    const outer = mkdtempSync(join(tmpdir(), "kragle loader "));
    try {
      const folder = join(outer, "node_modules/kragle");
      mkdirSync(join(folder, "setup"), { recursive: true });
      const loader = join(folder, "setup/loader.cjs");
      copyFileSync(join(projectFolder, "setup/loader.cjs"), loader);
      symlinkSync(join(projectFolder, "node_modules"), join(folder, "node_modules"));
      const source = join(folder, "program.ts");
      writeFileSync(source, "const a: number = 1;\nconsole.log(a);\n");
      const env = { ...process.env, XDG_CACHE_HOME: join(outer, "cache") };
      const start = () =>
        spawnSync(process.execPath, ["--require", loader, source], { env, encoding: "utf8" });
      assert.equal(start().stdout, "1\n");
      assert.deepEqual(readdirSync(folder).sort(), ["node_modules", "program.ts", "setup"]);
      const compiled = join(outer, "cache/kragle/compiled", folder, "program.ts.js");
      const { ino } = statSync(compiled);
      assert.equal(start().stdout, "1\n");
      assert.equal(statSync(compiled).ino, ino, "it was read");
    } finally {
      rmSync(outer, { recursive: true });
    }
  });

  it("compiles again what a power cut left of what was compiled", () => {
    const folder = mkdtempSync(join(tmpdir(), "kragle loader "));
    try {
      mkdirSync(join(folder, "setup"));
      const loader = join(folder, "setup/loader.cjs");
      copyFileSync(join(projectFolder, "setup/loader.cjs"), loader);
      symlinkSync(join(projectFolder, "node_modules"), join(folder, "node_modules"));
      const source = join(folder, "program.ts");
      writeFileSync(source, "const a: number = 1;\nconsole.log(a);\nthrow new Error(`b`);\n");
      const start = () =>
        spawnSync(process.execPath, ["--require", loader, source], { encoding: "utf8" });
      const { stdout, stderr } = start();
      assert.equal(stdout, "1\n");
      // the lines of a trace are those of the source
      assert.match(stderr, /program\.ts:3:/);
      const compiled = join(folder, ".kragle/compiled/program.ts.js");
      const whole = readFileSync(compiled);
      for (const length of [0, 1, 30, whole.length / 2, whole.length - 1]) {
        for (const rest of [Buffer.alloc(0), Buffer.alloc(whole.length - Math.floor(length))]) {
          writeFileSync(compiled, Buffer.concat([whole.subarray(0, length), rest]));
          assert.equal(start().stdout, "1\n");
          assert.deepEqual(readFileSync(compiled), whole);
        }
      }
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
