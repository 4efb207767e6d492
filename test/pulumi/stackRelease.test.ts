import assert from "node:assert/strict";

import { type Clone } from "../clone";
import { sha256 } from "../sha256";
import { builtForPulumi } from "./builtForPulumi";
import { MINUTES, PulumiProject } from "./pulumiProject";

describe("a stack on the release of another one, with the real Pulumi CLI", function () {
  this.timeout(15 * MINUTES);
  const built = builtForPulumi(async (all) => {
    await all.addImageOnRelease();
    await all.addImages([{ cpus: 3 }]);
  });
  let clone: Clone;
  let project: PulumiProject;
  before(() => {
    clone = built.make();
    built.addStack(clone, "base");
    built.addStack(clone, "role", { from: { stack: "base" } });
    project = new PulumiProject(clone, clone.path("state"), built.environment);
  });

  /** Both streams, whatever the exit code. */
  async function preview(of = project) {
    const { code, stdout, stderr } = await of.pulumi(["preview", "-s", "role"]);
    return { code, text: stdout + stderr };
  }

  it("is refused in words while that has none", async () => {
    await project.succeeds(["stack", "init", "role"]);
    const { code, text } = await preview();
    assert.notEqual(code, 0);
    assert.match(text, /stack base was never released\n +next: \.\/kragle up -s base releases it/);
    assert.doesNotMatch(text, /\n +at .*\.ts:/);
  });

  it("is made on it, has no base of its own, and then there is nothing to do", async () => {
    await project.up("base");
    assert.match((await preview()).text, /made on the release of stack base: [\da-f]{12}, of /);
    await project.update("role");
    const names = (await project.resources("role")).map(({ urn }) => urn.split("::").at(-1));
    assert.ok(names.includes("image") && !names.includes("base"), names.join());
    await project.isUnchanged("role");
  });

  it("tells a new release there as the reason here", async () => {
    built.addStack(clone, "base", { cpus: 3 });
    await project.up("base");
    const [before, after] = ["an image", "image 0"].map((text) => sha256(text).slice(0, 12));
    const { code, text } = await preview();
    assert.equal(code, 0, text);
    assert.ok(text.includes(`release of stack base changed: ${before} → ${after}`), text);
  });

  it("is not on that of the same name on another backend", async () => {
    const other = new PulumiProject(clone, clone.path("other state"), built.environment);
    await other.succeeds(["stack", "init", "role"]);
    const { code, text } = await preview(other);
    assert.notEqual(code, 0);
    assert.match(
      text,
      /has no release on the backend file:.*other.state; the one of that name on the/,
    );
  });
});
