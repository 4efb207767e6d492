import assert from "node:assert/strict";
import { appendFileSync, existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";

import { invocationOf, OWN_REACH, runsStage } from "../../plan/invocation";
import { type Clone, jsonOf } from "../clone";
import { inSequence } from "../inSequence";
import { sharedClone } from "../sharedClone";
import { MINUTES, needPulumi, PulumiProject, type UpDocument } from "./pulumiProject";

describe("the real Pulumi CLI", function () {
  this.timeout(15 * MINUTES);
  inSequence();

  let clone: Clone;
  let project: PulumiProject;
  let embedded: UpDocument;

  before(async function () {
    await needPulumi(this);
    clone = sharedClone();
    project = new PulumiProject(clone, clone.path("pulumi state"));
    embedded = jsonOf(await clone.kragle(["up", "-s", "dev", "--engine", "embedded", "--json"]));
  });

  it("previews before anything exists, and says what is in the store", async () => {
    await project.succeeds(["stack", "init", "dev"]);
    const shown = await project.preview("dev");
    // another backend's stack of this name is another stack
    assert.match(shown, /^ +base +from store$/m);
    assert.match(shown, /17 to create/);
  });

  it("gives the same outputs as the embedded engine", async () => {
    const real = await project.up("dev");
    assert.equal(real.engine, "pulumi");
    assert.ok(!Object.values(real.steps).includes("unchanged"));
    const ran = ["base", "image", "check", "smoke"].filter((step) => real.steps[step] === "run");
    assert.deepEqual(ran, []);
    assert.deepEqual(real.outputs, embedded.outputs);
    const said = await project.succeeds(["stack", "output", "--json", "-s", "dev"]);
    assert.deepEqual(JSON.parse(said), embedded.outputs);
  });

  it("has nothing to do the second time", async () => {
    const { steps } = await project.up("dev");
    assert.deepEqual([...new Set(Object.values(steps))], ["unchanged"]);
    await project.isUnchanged("dev");
  });

  it("takes over a stack whose resources have the names of earlier versions", async () => {
    const roots = () => readdirSync(project.rootsOf("dev")).sort();
    const before = roots();
    const state = await project.succeeds(["stack", "export", "-s", "dev"]);
    const file = clone.path("earlier state.json");
    const renamed = Object.entries(EARLIER_NAMES).reduce(
      (text, [now, earlier]) => text.replaceAll(`${now}"`, `${earlier}"`),
      state,
    );
    writeFileSync(file, withKeysInEnvironment(renamed));
    await project.succeeds(["stack", "import", "-s", "dev", "--file", file]);
    await project.urn("dev", "qcow2-check");
    const { steps } = await project.up("dev");
    // each command is told its key in another place, and finds its result
    const { builder, "docker-base": base, ...told } = steps;
    assert.deepEqual([builder, base], ["unchanged", "unchanged"]);
    assert.deepEqual([...new Set(Object.values(told))], ["store"]);
    await project.urn("dev", "check");
    assert.deepEqual(roots(), before, "none was dropped by a deletion");
    await project.isUnchanged("dev");
  });

  it("explains what a changed setting, format or script does, and how long it takes", async () => {
    const script = "builder/provision/90-generalise.sh";
    project.addLeanStack("other", { formats: ["vdi"] });
    await project.succeeds(["stack", "init", "other"]);
    const fresh = await project.preview("other");
    assert.match(fresh, /^ +image +from store$/m);
    assert.match(fresh, /^ +convert-vdi +will run\n +never built in this store$/m);
    const settings = project.devSettings();
    clone.addStack("dev", { ...settings, diskSize: "5 GiB", formats: [] });
    const text = readFileSync(clone.path(script), "utf8");
    try {
      appendFileSync(clone.path(script), "# changed\n");
      const shown = await project.preview("dev");
      assert.match(shown, /^ +base +will run, about .+\n +diskSize: 4\.0 GiB → 5\.0 GiB$/m);
      // a file's digest tells whether it may be executed, too
      const digests = "[0-9a-f]{12}(?:\\+x)? → [0-9a-f]{12}(?:\\+x)?";
      assert.match(
        shown,
        new RegExp(
          `^ +image +will run, about .+\\n +${script}: ${digests}\\n +base changed: key ${digests}$`,
          "m",
        ),
      );
      assert.match(shown, /^ +smoke +runs after image, about /m);
      assert.match(shown, /^ +total +(about|at least) \d/m);
      const { stages, resources, expectedSeconds } = jsonOf<PreviewDocument>(
        await clone.kragle(["preview", "-s", "dev", "--json"], project.environment()),
      );
      const base = stages.find(({ stage }) => stage === "base")!;
      assert.deepEqual(base.changes, [{ input: "diskSize", before: "4.0 GiB", after: "5.0 GiB" }]);
      assert.ok(expectedSeconds > base.expectedSeconds);
      assert.ok(resources.update! >= 4 && resources.delete! >= 1, JSON.stringify(resources));
    } finally {
      writeFileSync(clone.path(script), text);
      clone.addStack("dev", settings);
    }
    await project.isUnchanged("dev");
  });

  it("shows a script more with --diff in 40 lines, besides the image's arguments: six a resource, of which Pulumi's own are four", async () => {
    const settings = project.devSettings();
    try {
      writeFileSync(clone.path("own.sh"), "#!/bin/sh\n");
      clone.addStack("dev", { ...settings, provision: ["own.sh"] });
      const shown = await project.succeeds(["preview", "-s", "dev", "--diff"]);
      const lines = shown.split("\n");
      const first = (type: string) => lines.findIndex((line) => line.includes(`${type}: (update)`));
      const ofImage = first("command:local:Command") - first("kragle:index:GoldenImage");
      assert.equal(ofImage, 8, shown);
      assert.ok(lines.length - ofImage <= 40, shown);
      const key = '"exec ./kragle stage image [0-9a-f]{64}"';
      assert.match(shown, new RegExp(`~ create *: ${key} => ${key}`));
      const after = ["check", "convert", "smoke", "release"];
      for (const stage of after) {
        const known = `"exec ./kragle stage ${stage} [0-9a-f]{64}"`;
        assert.match(shown, new RegExp(`~ create: ${known} => \\[unknown\\]`));
      }
      assert.equal(shown.match(/~ stdin \(hidden\)/g)?.length, 1 + after.length);
      assert.doesNotMatch(shown, /description|templateFolder/);
    } finally {
      clone.addStack("dev", settings);
    }
  });

  it("shows a changed script of kragle's own in eight lines more, for the image for use by hand", async () => {
    const script = clone.path("builder/provision/90-generalise.sh");
    const text = readFileSync(script, "utf8");
    try {
      appendFileSync(script, "# changed\n");
      const shown = await project.succeeds(["preview", "-s", "dev", "--diff"]);
      assert.ok(shown.split("\n").length <= 48, shown);
      const key = '"exec ./kragle stage hand-image [0-9a-f]{64}"';
      assert.match(shown, new RegExp(`~ create *: ${key} => ${key}`));
    } finally {
      writeFileSync(script, text);
    }
  });

  it("shows a wrong setting as clean lines", async () => {
    clone.addStack("wrong", { diskSize: "10", kernel: "tiny" });
    await project.succeeds(["stack", "init", "wrong"]);
    const { code, stdout } = await project.pulumi(["preview", "-s", "wrong"]);
    assert.notEqual(code, 0);
    assert.match(stdout, /kragle:diskSize: "10" is not a size/);
    assert.match(stdout, /kragle:kernel: "tiny" is not allowed; allowed are cloud, generic/);
    assert.doesNotMatch(stdout, /at .*\.ts:\d+/, "a stack trace");
  });

  it("destroys: roots are dropped, artifacts and released files stay", async () => {
    await project.succeeds(["destroy", "-s", "dev", "--yes"]);
    assert.ok(!existsSync(project.rootsOf("dev")));
    assert.ok(project.artifacts("image-").length > 0);
    assert.ok(existsSync(embedded.outputs.imagePath));
    assert.deepEqual(await project.resources("dev"), []);
  });
});

/** How names of resources end, and how those of earlier versions did. */
const EARLIER_NAMES: Readonly<Record<string, string>> = {
  "local:Command::docker-base": "local:Command::builder-base-image",
  "index/image:Image::builder": "index/image:Image::builder-tools",
  "local:Command::base": "local:Command::build-base",
  "local:Command::image": "local:Command::build-image",
  "local:Command::check": "local:Command::qcow2-check",
  "local:Command::smoke": "local:Command::smoke-boot",
  "local:Command::release": "local:Command::release-files",
};

/** Has a state's commands as earlier versions told them their key. */
function withKeysInEnvironment(state: string): string {
  return JSON.stringify(JSON.parse(state), (name, value: unknown) => {
    const { create, environment = {} } = (value ?? {}) as {
      create?: unknown;
      environment?: object;
    };
    const { stage, key } = (typeof create === "string" && invocationOf(create)) || {};
    if (!stage || !key) return value;
    const earlier = {
      create: runsStage(OWN_REACH.kragle, { stage }),
      environment: { ...environment, KRAGLE_KEY: key },
    };
    return { ...(value as object), ...earlier };
  });
}

interface PreviewDocument {
  readonly stages: readonly {
    readonly stage: string;
    readonly changes: readonly object[];
    readonly expectedSeconds: number;
  }[];
  readonly resources: Readonly<Record<string, number>>;
  readonly expectedSeconds: number;
}
