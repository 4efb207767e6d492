import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";

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
});
