import assert from "node:assert/strict";
import { once } from "node:events";
import { readdirSync } from "node:fs";

import { OWNER } from "../../release/layout";
import type { Clone } from "../clone";
import { inSequence } from "../inSequence";
import { sharedClone } from "../sharedClone";
import { MINUTES, needPulumi, PulumiProject, until } from "./pulumiProject";

/** Within which nothing of an interrupted stage may be left. */
const SECONDS = 10;

describe("Ctrl-C under the real Pulumi CLI", function () {
  this.timeout(10 * MINUTES);
  inSequence();

  let clone: Clone;
  let project: PulumiProject;
  let outputs: object;

  before(async function () {
    await needPulumi(this);
    clone = sharedClone();
    const built = await clone.kragle(["up", "-s", "dev", "--engine", "embedded", "--json"]);
    assert.equal(built.code, 0, built.stderr);
    project = new PulumiProject(clone, clone.path("interrupt state"));
    ({ outputs } = await project.up("dev"));
  });

  /** Interrupts a run as soon as it is at work, and sees that it ends, with its containers. */
  const interrupted = async (child: ReturnType<Clone["start"]>, atWork: () => Promise<boolean>) => {
    const said: string[] = [];
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding("utf8").on("data", (text: string) => said.push(text));
    }
    const ended = once(child, "close") as Promise<[number | null]>;
    await Promise.race([until(atWork, 240), ended]);
    assert.equal(child.exitCode, null, said.join(""));
    child.kill("SIGINT");
    await until(async () => (await project.containers()).length === 0, SECONDS);
    const [code] = await ended;
    assert.notEqual(code, 0);
    return said.join("");
  };
  const inContainer = async () => (await project.containers()).length > 0;

  for (const stage of ["base", "image", "check", "convert", "smoke"]) {
    it(`at ${stage}: its container ends within ${SECONDS} seconds, and the next up goes on`, async () => {
      const args = ["up", "-s", "dev", "--engine", "pulumi", "--rebuild", stage];
      await interrupted(clone.start(args, project.environment()), inContainer);
      const next = await project.up("dev");
      assert.deepEqual(next.outputs, outputs);
      await project.isUnchanged("dev");
    });
  }

  it("at release, which copies on the machine itself: what was released stays", async () => {
    let said = "";
    const args = ["up", "-s", "dev", "--engine", "pulumi", "--rebuild", "release"];
    const child = clone.start(args, project.environment());
    child.stderr.on("data", (chunk: Buffer) => (said += chunk.toString()));
    await interrupted(child, () => Promise.resolve(said.includes("» copy the files")));
    const output = clone.path("build/dev/output");
    const unfinished = () =>
      readdirSync(output).some((name) => name.startsWith(".") && name !== OWNER);
    await until(() => Promise.resolve(!unfinished()), SECONDS);
    const verified = await clone.kragle(["verify", "-s", "dev"], project.environment());
    assert.equal(verified.code, 0, verified.stdout + verified.stderr);
    await project.up("dev");
    await project.isUnchanged("dev");
  });

  it("of the CLI itself does the same", async () => {
    const args = ["up", "-s", "dev", "--yes", "--skip-preview"];
    await interrupted(project.start(args, { KRAGLE_REBUILD: "check" }), inContainer);
    assert.deepEqual((await project.up("dev")).outputs, outputs);
    await project.isUnchanged("dev");
    await project.succeeds(["destroy", "-s", "dev", "--yes", "--skip-preview"]);
  });
});
