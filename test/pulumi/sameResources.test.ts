import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";

import type { Registered } from "../mocks";
import { sharedClone } from "../sharedClone";
import { MINUTES, needPulumi, PulumiProject, type StateResource } from "./pulumiProject";

const nameOf = (urn: string) => urn.split("::").at(-1)!;

/** What both engines have to agree on. */
interface Agreed {
  readonly type: string;
  readonly name: string;
  readonly parent: string;
  readonly dependencies: readonly string[];
  readonly inputs: Readonly<Record<string, unknown>>;
}

const byName = (a: Agreed, b: Agreed) => (`${a.type} ${a.name}` < `${b.type} ${b.name}` ? -1 : 1);

/** The Docker provider adds inputs of its own to those that the program gives. */
const OF_PROVIDER = ["registry"];

function fromState(resource: StateResource): Agreed {
  const inputs = Object.entries(resource.inputs ?? {});
  return {
    type: resource.type,
    name: nameOf(resource.urn),
    parent: nameOf(resource.parent ?? ""),
    dependencies: (resource.dependencies ?? []).map(nameOf).sort(),
    inputs: Object.fromEntries(
      inputs.filter(([name]) => !name.startsWith("__") && !OF_PROVIDER.includes(name)),
    ),
  };
}

function fromRecord({ type, name, parent, dependsOn, inputs }: Registered): Agreed {
  const dependencies = [...new Set(dependsOn)].sort();
  return { type, name, parent: parent || "kragle-same", dependencies, inputs };
}

describe("both engines, with the real Pulumi CLI", function () {
  this.timeout(15 * MINUTES);

  it("register the same resources with the same inputs, parents and dependencies", async function () {
    await needPulumi(this);
    const clone = sharedClone();
    const built = await clone.kragle(["up", "-s", "dev", "--engine", "embedded", "--json"]);
    assert.equal(built.code, 0, built.stderr);
    const project = new PulumiProject(clone, clone.path("same state"));
    clone.addStack("same", project.devSettings());
    await project.up("same");
    const ofCli = (await project.resources("same"))
      .filter(({ type }) => !type.startsWith("pulumi:"))
      .map(fromState)
      .sort(byName);

    const { stdout } = await promisify(execFile)(
      process.execPath,
      ["--require", clone.path("setup/loader.cjs"), clone.path("test/embeddedRecord.ts"), "same"],
      { cwd: clone.folder, env: { ...process.env, ...project.environment() } },
    );
    const ofEmbedded = (JSON.parse(stdout) as Registered[]).map(fromRecord).sort(byName);

    assert.deepEqual(
      ofEmbedded.map(({ type, name }) => `${type} ${name}`),
      ofCli.map(({ type, name }) => `${type} ${name}`),
    );
    for (const [index, resource] of ofEmbedded.entries()) {
      assert.deepEqual(resource, ofCli[index], resource.name);
    }
    await project.succeeds(["destroy", "-s", "same", "--yes", "--skip-preview"]);
  });
});
