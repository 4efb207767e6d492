import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, writeFileSync } from "node:fs";

import { BuiltClones } from "../builtClones";
import type { Clone } from "../clone";
import { NO_DOCKER } from "../devProgram";

/** Real processes that lack something, and whether the next step that they tell leads out. */
describe("what a machine lacks", function () {
  this.timeout(120_000);
  const built = new BuiltClones();
  let clone: Clone;
  before(async () => {
    await built.open();
    clone = built.make();
  });
  after(() => built.close());

  /** Runs the program as the Pulumi CLI starts it, without the CLI. @returns why it rejected */
  function underPulumi(environment: NodeJS.ProcessEnv, node?: string): string {
    const program = clone.path("as the CLI.cjs");
    const older = node
      ? `Object.defineProperty(process.versions, "node", { value: "${node}" });`
      : "";
    const loader = `require(${JSON.stringify(clone.path("setup/loader.cjs"))});`;
    const start = `require(${JSON.stringify(clone.path("program.cjs"))})()`;
    const end = `.then(() => console.log("accepted"), (e) => console.log(e.constructor.name, e.message)).finally(process.exit);`;
    writeFileSync(program, `${loader}\n${older}\n${start}${end}\n`);
    const env = { ...process.env, PULUMI_CONFIG: "{}", ...environment };
    const { stdout, stderr } = spawnSync(process.execPath, [program], { env, encoding: "utf8" });
    return stdout || stderr;
  }

  it("is told by pulumi preview already: a Node that is too old, and none put there by set-up", () => {
    const said = underPulumi({}, "20.20.2");
    // Pulumi shows a RunError's message alone
    assert.match(
      said,
      /^RunError this is Node 20\.20\.2, and kragle's stages need 22\.13 or newer\n/,
    );
    assert.match(said, /next: \.\/kragle setup/);
    assert.ok(!existsSync(clone.path(".kragle/kragle-home.json")), "before anything is made");
  });

  it("is told by pulumi preview already: a Docker daemon", () => {
    const said = underPulumi(NO_DOCKER);
    assert.match(said, /^RunError Docker cannot be reached at unix:\/\/\/nowhere\S+: no daemon/);
    assert.doesNotMatch(said, /any more|will run/);
  });

  it("the builder image of a release: any of its key will do, and where there is none, up makes it", async () => {
    assert.equal((await built.kragle(clone, ["up", "-s", "dev", "--engine", "embedded"])).code, 0);
    const write = () => built.kragle(clone, ["write", "-s", "dev", "disk.img", "--yes"]);
    built.hasImages = false;
    const lacking = await write();
    assert.equal(lacking.code, 3);
    const [, next] =
      /^the builder image of the release is not in Docker\n {2}next: \.\/(kragle up -s dev) makes it\n$/.exec(
        lacking.stderr,
      )!;
    assert.equal(next, "kragle up -s dev");
    const preview = await built.kragle(clone, ["preview", "-s", "dev"]);
    assert.match(
      preview.stdout,
      /^builder +will run\n +Docker has no image kragle-tools:\w+ any more$/m,
    );
    // as that run leaves it: another id than the one that the release names, under the builder's tag
    built.hasImages = true;
    const { stderr } = await write();
    assert.match(stderr, /^Docker could not create the container/);
    assert.doesNotMatch(stderr, /builder image of the release/);
  });
});
