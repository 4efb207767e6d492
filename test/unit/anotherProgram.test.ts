import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, realpathSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import type { Requirement } from "../../cli/doctor/requirements";
import { projectFolder } from "../../host/project";
import { NO_DOCKER } from "../devProgram";

describe("the program of another project", function () {
  this.timeout(60_000);
  const folder = realpathSync(mkdtempSync(join(tmpdir(), "kragle öther ")));
  before(() => {
    mkdirSync(join(folder, "infra/below"), { recursive: true });
    mkdirSync(join(folder, "bin"));
    writeFileSync(join(folder, "infra/Pulumi.yaml"), "name: shop\nruntime: python\n");
    writeFileSync(join(folder, "bin/pulumi"), "#!/bin/sh\nexit 127\n", { mode: 0o755 });
  });
  after(() => rmSync(folder, { recursive: true }));

  /** Runs the clone's command line, standing elsewhere. */
  function run(cwd: string, ...args: string[]) {
    const PATH = `${join(folder, "bin")}:${dirname(process.execPath)}:${process.env.PATH}`;
    const env = { ...process.env, ...NO_DOCKER, PATH, KRAGLE_HOME: join(folder, "home") };
    return spawnSync(join(projectFolder, "kragle"), args, { cwd, env, encoding: "utf8" });
  }

  it("is not run by kragle, which says who does", () => {
    for (const [verb, instead] of [
      ["up", "pulumi up"],
      ["stacks", "pulumi stack ls"],
      ["debug", "./kragle boot"],
    ] as const) {
      const { status, stderr } = run(join(folder, "infra/below"), verb);
      assert.equal(status, 2, stderr);
      const [what, next] = stderr.split("\n");
      assert.match(
        what!,
        new RegExp(`^kragle ${verb} is for kragle's own program, and the one in `),
      );
      assert.match(what!, /: only the Pulumi CLI runs it$/);
      assert.match(next!, new RegExp(`^ {2}next: ${instead}, there[ ,]`));
    }
  });

  it("is not meant where there is none: then the clone's own runs, from wherever it is called", () => {
    const { status, stderr } = run(folder, "up", "-s", "no-such-stack");
    assert.equal(status, 2);
    assert.match(stderr, /^stack "no-such-stack" is unknown/);
  });

  it("has its machine examined, without settings of kragle's own stacks", () => {
    const { stdout, stderr } = run(join(folder, "infra"), "doctor", "--json");
    assert.equal(stderr, "");
    const { requirements } = JSON.parse(stdout) as { requirements: Requirement[] };
    const names = requirements.map(({ name }) => name);
    assert.ok(names.includes("Docker") && !names.includes("Settings"), names.join());
    const { status, found } = requirements.find(({ name }) => name === "Pulumi CLI")!;
    assert.deepEqual([status, found.split("\n")[0]], ["missing", "none"]);
    assert.match(found, /only it runs the program of this project/);
  });
});
