import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { promisify } from "node:util";

import { buildDockerImage, type DockerImageInputs } from "../../engine/dockerImage";
import type { Registered } from "../mocks";
import { sharedClone } from "../sharedClone";
import { docker, site } from "../site";
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

/** What the Docker provider adds to the inputs that the program gives, and what the state keeps of an earlier loss. */
const NOT_OF_PROGRAM = ["registry", "contextDigest", "KRAGLE_MARKER"];

const SIGNATURE = "4dabf18193072939515e22adb298388d";

/** Values as the program gives them, without the wrapping of secrets. */
function plain(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(plain);
  if (value === null || typeof value !== "object") return value;
  const fields = value as Record<string, unknown>;
  if (SIGNATURE in fields) return JSON.parse(String(fields.plaintext));
  const kept = Object.entries(fields).filter(
    ([name]) => !name.startsWith("__") && !NOT_OF_PROGRAM.includes(name),
  );
  return Object.fromEntries(kept.map(([name, field]) => [name, plain(field)]));
}

function fromState(resource: StateResource): Agreed {
  return {
    type: resource.type,
    name: nameOf(resource.urn),
    parent: nameOf(resource.parent ?? ""),
    dependencies: (resource.dependencies ?? []).map(nameOf).sort(),
    inputs: plain(resource.inputs ?? {}) as Agreed["inputs"],
  };
}

function fromRecord({ type, name, parent, dependsOn, inputs }: Registered): Agreed {
  const dependencies = [...new Set(dependsOn)].sort();
  const values = plain(inputs) as Agreed["inputs"];
  return { type, name, parent: parent || "kragle-same", dependencies, inputs: values };
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

    // and one and the same image, so that none is left without a tag where engines take turns
    const { inputs } = ofCli.find(({ name, type }) => name === "builder" && /Image$/.test(type))!;
    const tools = inputs as unknown as DockerImageInputs;
    const { Id } = await docker.getImage(tools.imageName).inspect();
    const again = { ...tools, imageName: "kragle-same:test" };
    try {
      const { signal } = new AbortController();
      assert.equal(await buildDockerImage(site, again, () => undefined, signal), Id);
    } finally {
      await docker.getImage(again.imageName).remove();
    }
    await project.succeeds(["destroy", "-s", "same", "--yes", "--skip-preview"]);
  });
});
