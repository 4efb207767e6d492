import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { basename } from "node:path";

import { stringify } from "yaml";

import { READY } from "../builtClones";
import { type Clone, jsonOf } from "../clone";
import { builtForPulumi } from "./builtForPulumi";
import { MINUTES, PulumiProject } from "./pulumiProject";

describe("whose a stack's results are, with the real Pulumi CLI", function () {
  this.timeout(15 * MINUTES);
  const built = builtForPulumi();
  let clone: Clone;
  beforeEach(() => (clone = built.make()));

  const on = (state: string, of = clone) =>
    new PulumiProject(of, of.path(state), built.environment);
  const rootsOf = (project: PulumiProject) => {
    const folder = project.rootsOf("dev");
    return existsSync(folder) ? readdirSync(folder).length : 0;
  };
  const deleted = async (project: PulumiProject) =>
    jsonOf<{ deleted: object[] }>(
      await project.clone.kragle(["gc", "--json"], project.environment()),
    ).deleted;

  async function released(project: PulumiProject): Promise<void> {
    await project.succeeds(["stack", "init", "dev"]);
    await project.update("dev");
    await project.isUnchanged("dev");
  }

  it("are each backend's own: what one does leaves the other's as it is", async () => {
    const [first, second] = [on("first state"), on("second state")];
    await released(first);
    await released(second);
    await first.isUnchanged("dev");
    await second.succeeds(["destroy", "-s", "dev", "--yes", "--skip-preview"]);
    assert.equal(rootsOf(second), 0);
    assert.deepEqual(await deleted(first), []);
    await first.isUnchanged("dev");
    const verified = await clone.kragle(["verify", clone.path("build/dev/output")]);
    assert.equal(verified.code, 0, verified.stderr);
  });

  it("are taken along to another backend, as the documents say", async () => {
    const own = on(".kragle/state");
    await released(own);
    const file = clone.path("dev.json");
    await own.succeeds(["stack", "export", "-s", "dev", "--file", file]);
    const other = on("another state");
    await other.succeeds(["stack", "init", "dev"]);
    await other.succeeds(["stack", "import", "-s", "dev", "--file", file]);
    const preview = await other.preview("dev");
    assert.doesNotMatch(preview, /will run/);
    assert.match(preview, /^ +release +from store$/m);
    await other.update("dev");
    await other.isUnchanged("dev");
    const destroyed = await clone.kragle(["destroy", "-s", "dev"], own.environment());
    assert.equal(destroyed.code, 0, destroyed.stderr);
    assert.equal(rootsOf(own), 0);
    await other.isUnchanged("dev");
    assert.deepEqual(await deleted(other), []);
  });

  it("are each project's own, where another one runs kragle's program", async () => {
    const own = on("state");
    await released(own);
    const folder = "images of another";
    mkdirSync(clone.path(folder));
    const runtime = { name: "nodejs", options: { typescript: false } };
    const project = { name: "other", runtime, main: "../program.cjs" };
    writeFileSync(clone.path(folder, "Pulumi.yaml"), stringify(project));
    const config = { formats: [], smoke: "none", diskSize: "4 GiB", ...READY };
    const write = (more: object) =>
      writeFileSync(
        clone.path(folder, "Pulumi.dev.yaml"),
        stringify({
          config: Object.fromEntries(
            Object.entries({ ...config, ...more }).map(([name, value]) => [`other:${name}`, value]),
          ),
        }),
      );
    write({});
    await own.succeeds(["stack", "init", "dev"], { folder });
    const refused = await own.pulumi(["up", "-s", "dev", "--yes", "--skip-preview"], { folder });
    assert.notEqual(refused.code, 0);
    assert.match(refused.stdout + refused.stderr, /belongs to stack dev of project kragle/);
    write({ path: "build/of another" });
    await own.succeeds(["up", "-s", "dev", "--yes", "--skip-preview"], { folder });
    await own.succeeds(["preview", "-s", "dev", "--expect-no-changes"], { folder });
    await own.isUnchanged("dev");
    await own.succeeds(["destroy", "-s", "dev", "--yes", "--skip-preview"], { folder });
    assert.deepEqual(
      (await deleted(own)).map((each) => basename(JSON.stringify(each)).split("-")[0]),
      ["release"],
    );
    await own.isUnchanged("dev");
  });

  it("are a copy's own on the same backend, whose outputs follow whoever released last", async () => {
    const own = on("state");
    await released(own);
    const copied = built.keep(clone.copy());
    const copy = new PulumiProject(copied, clone.path("state"), built.environment);
    await copy.update("dev");
    await copy.isUnchanged("dev");
    await own.isUnchanged("dev");
    assert.deepEqual([await deleted(own), await deleted(copy)], [[], []]);
  });
});
