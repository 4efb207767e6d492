import assert from "node:assert/strict";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { LocalWorkspace } from "@pulumi/pulumi/automation";
import { stringify } from "yaml";

import { readProject, readStackSettings } from "../../cli/stackSettings";
import { LAUNCHER, packageFolder } from "../../host/project";
import { READY } from "../builtClones";
import { Clone, jsonOf } from "../clone";
import { inSequence } from "../inSequence";
import { kragle } from "../kragle";
import { builtForPulumi } from "./builtForPulumi";
import { MINUTES, PulumiProject } from "./pulumiProject";

/** Runs kragle's program as one that somebody else has written, with kragle in another folder. */
const PROGRAM = `const kragle = process.env.KRAGLE_PACKAGE;
require(kragle + "/setup/loader.cjs");
require(kragle + "/host/project").workFor();
module.exports = () => require(kragle + "/infra/underPulumi").programUnderPulumi();
`;

const SETTINGS = { formats: [], smoke: "none", ...READY };

describe("a program that has kragle as a package, with the real Pulumi CLI", function () {
  this.timeout(15 * MINUTES);
  inSequence();
  const built = builtForPulumi();
  const outer = realpathSync(mkdtempSync(join(tmpdir(), "kragle projékte ")));
  let packages: readonly Clone[];
  let first: PulumiProject;
  let second: PulumiProject;

  before(async () => {
    packages = [built.make(), built.make()];
    [first, second] = [make("one", packages[0]!), make("further/down/two", packages[1]!)];
    await first.succeeds(["stack", "init", "dev"]);
  });
  after(() => rmSync(outer, { recursive: true }));

  /** A checkout of the project, with what an image is made of in its store. All have one state. */
  function make(name: string, at: Clone): PulumiProject {
    const folder = join(outer, name);
    mkdirSync(join(folder, "sub"), { recursive: true });
    writeProject(folder, {});
    const values = { ...readStackSettings("dev").values, ...SETTINGS };
    const config = Object.entries(values).map(([key, value]) => [`images:${key}`, value]);
    const files = {
      "Pulumi.dev.yaml": stringify({ config: Object.fromEntries(config) as object }),
      "package.json": JSON.stringify({ name: "images", main: "index.cjs" }),
      "index.cjs": PROGRAM,
      "sub/index.cjs": PROGRAM,
    };
    for (const [file, text] of Object.entries(files)) writeFileSync(join(folder, file), text);
    symlinkSync(join(packageFolder, "node_modules"), join(folder, "node_modules"));
    built.fill(join(folder, ".kragle"));
    return on(folder, at);
  }

  function writeProject(folder: string, more: object): void {
    const defaults = Object.entries(readProject().defaults);
    const config = defaults.map(([key, value]) => [key, { default: value }]);
    const project = {
      name: "images",
      runtime: "nodejs",
      config: Object.fromEntries(config) as object,
    };
    writeFileSync(join(folder, "Pulumi.yaml"), stringify({ ...project, ...more }));
  }

  const on = (folder: string, at: Clone, more: Readonly<Record<string, string>> = {}) =>
    new PulumiProject(new Clone(folder), join(outer, "state"), {
      ...built.environment,
      KRAGLE_PACKAGE: at.folder,
      ...more,
    });

  it("sees nothing changed where kragle lies in another folder, as in a container or after an update", async () => {
    await first.update("dev");
    await first.isUnchanged("dev");
    await on(first.clone.folder, packages[1]!).isUnchanged("dev");
  });

  it("has in its state no folder, but where its release lies", async () => {
    const text = JSON.stringify(await first.resources("dev"));
    for (const { folder } of packages) assert.ok(!text.includes(folder), folder);
    for (const { inputs = {}, type } of await first.resources("dev")) {
      assert.ok(!JSON.stringify(inputs).includes(outer), type);
    }
  });

  it("sees nothing changed from a second checkout, once each has released on its own disk", async () => {
    const shown = await second.preview("dev");
    assert.doesNotMatch(shown, /create|replace/);
    assert.match(shown, /^ +image +from store$/m);
    await second.update("dev");
    await second.isUnchanged("dev");
    await first.isUnchanged("dev");
  });

  it("is looked at by the command line, from within the project", async () => {
    const folder = first.clone.path("sub");
    const run = (file: string, ...args: string[]) =>
      kragle(first.clone.path(".kragle"), args, {
        ...{ file, folder },
        environment: first.environment(),
      });
    for (const file of [first.clone.path(LAUNCHER), packages[0]!.path("kragle")]) {
      const { imagePath } = jsonOf<{ imagePath: string }>(await run(file, "outputs", "--json"));
      assert.equal(imagePath, first.clone.path("build/dev/output/packer-kragle-qcow2"));
      const { kept, deleted } = jsonOf<{ kept: object; deleted: [] }>(
        await run(file, "gc", "--json"),
      );
      assert.deepEqual([kept, deleted], [{ dev: 4 }, []]);
    }
    const verified = await run(first.clone.path(LAUNCHER), "verify");
    assert.equal(verified.code, 0, verified.stdout + verified.stderr);
  });

  it("is run by the Automation API, and by the CLI from elsewhere", async () => {
    const stack = await LocalWorkspace.selectStack(
      { stackName: "dev", workDir: first.clone.folder },
      { envVars: first.environment() },
    );
    assert.deepEqual(Object.keys((await stack.preview()).changeSummary), ["same"]);
    const folder = first.clone.folder;
    const args = ["-C", folder, "preview", "-s", "dev", "--expect-no-changes"];
    const home = { KRAGLE_HOME: first.clone.path(".kragle") };
    await on(outer, packages[0]!, home).succeeds(args);
  });

  it("lets go by the launcher that a run has left, and says what to do on a machine where none has run", async () => {
    const destroy = ["destroy", "-s", "dev", "--yes", "--skip-preview"];
    rmSync(first.clone.path(LAUNCHER));
    const { code, stdout, stderr } = await first.pulumi(destroy);
    assert.notEqual(code, 0);
    assert.match(stdout + stderr, /kragle has not run here yet: run pulumi preview in this folder/);
    await first.preview("dev");
    await first.succeeds(destroy);
    assert.ok(!readdirSync(first.clone.path(".kragle/roots")).length);
  });

  it("may lie in a folder of its own, and its store on another disk", async () => {
    const folder = first.clone.folder;
    writeProject(folder, { main: "sub/" });
    const elsewhere = on(folder, packages[0]!, { KRAGLE_HOME: built.makeHome() });
    await elsewhere.update("dev");
    await elsewhere.isUnchanged("dev");
    const states = await elsewhere.resources("dev");
    const commands = states.flatMap(({ inputs = {} }) => (inputs.create as string) ?? []);
    assert.equal(commands.length, 4);
    for (const command of commands) assert.match(command, /^exec \.\.\/\.kragle\/bin\/kragle /);
    await elsewhere.succeeds(["destroy", "-s", "dev", "--yes", "--skip-preview"]);
  });
});
