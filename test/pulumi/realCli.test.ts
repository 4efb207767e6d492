import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync } from "node:fs";
import { promisify } from "node:util";

import { findPulumi } from "../../engine/choose";
import { type Clone, type Finished, jsonOf } from "../clone";
import { sharedClone } from "../sharedClone";
import { inSequence } from "../inSequence";

interface UpDocument {
  readonly engine: string;
  readonly steps: Record<string, string>;
  readonly outputs: Record<string, unknown>;
}

const MINUTES = 60_000;

describe("the real Pulumi CLI", function () {
  this.timeout(10 * MINUTES);
  inSequence();

  let clone: Clone;
  let embedded: UpDocument;
  const environment = () => ({
    PULUMI_BACKEND_URL: `file://${encodeURI(clone.path("pulumi state"))}`,
    PULUMI_CONFIG_PASSPHRASE: "",
    PULUMI_SKIP_UPDATE_CHECK: "true",
    KRAGLE_HOME: clone.path(".kragle"),
  });
  const pulumi = async (...args: string[]): Promise<Finished> => {
    const options = { cwd: clone.folder, env: { ...process.env, ...environment() } };
    const all = [...args, "--non-interactive", "--color", "never"];
    try {
      return { code: 0, ...(await promisify(execFile)("pulumi", all, options)) };
    } catch (error) {
      const { code, stdout, stderr } = error as { code: number; stdout: string; stderr: string };
      return { code, stdout, stderr };
    }
  };
  const up = (...more: string[]) =>
    clone.kragle(["up", "-s", "dev", "--json", ...more], environment());
  const store = (stage: string) =>
    readdirSync(clone.path(".kragle/store"))
      .filter((name) => name.startsWith(`${stage}-`))
      .map((name) => clone.path(".kragle/store", name));

  before(async function () {
    if (!(await findPulumi())) {
      console.log("      skipped: there is no Pulumi CLI on PATH");
      this.skip();
    }
    clone = sharedClone();
    mkdirSync(clone.path("pulumi state"));
    embedded = jsonOf(await up("--engine", "embedded"));
  });

  it("previews before anything exists, and says what is in the store", async () => {
    const init = await pulumi("stack", "init", "dev");
    assert.equal(init.code, 0, init.stderr);
    const { code, stdout } = await pulumi("preview", "-s", "dev");
    assert.equal(code, 0, stdout);
    assert.match(stdout, /^ +base +from store$/m);
    assert.match(stdout, /16 to create/);
  });

  it("gives the same outputs as the embedded engine", async () => {
    const finished = await up();
    assert.equal(finished.code, 0, finished.stderr);
    const real = jsonOf<UpDocument>(finished);
    assert.equal(real.engine, "pulumi");
    assert.deepEqual(real.outputs, embedded.outputs);
    const said = await pulumi("stack", "output", "--json", "-s", "dev");
    assert.deepEqual(JSON.parse(said.stdout), embedded.outputs);
  });

  it("has nothing to do the second time", async () => {
    const { steps } = jsonOf<UpDocument>(await up());
    assert.deepEqual([...new Set(Object.values(steps))], ["unchanged"]);
    const { code, stdout } = await pulumi("preview", "-s", "dev", "--expect-no-changes");
    assert.equal(code, 0, stdout);
  });

  it("notices lost artifacts at plan time, every time, and leaves no diff", async () => {
    for (const loss of ["first", "second"]) {
      for (const folder of store("check")) rmSync(folder, { recursive: true });
      const before = await pulumi("preview", "-s", "dev");
      assert.match(before.stdout, /check +will run: its artifact is gone from the store/, loss);
      assert.match(before.stdout, /qcow2-check update/, loss);
      const { steps } = jsonOf<UpDocument>(await up());
      assert.equal(steps.check, "run", loss);
      assert.equal(steps.base, "unchanged", loss);
      const after = await pulumi("preview", "-s", "dev", "--expect-no-changes");
      assert.equal(after.code, 0, `${loss}: ${after.stdout}`);
    }
  });

  it("shows a wrong setting as clean lines", async () => {
    clone.addStack("wrong", { diskSize: "10", kernel: "tiny" });
    await pulumi("stack", "init", "wrong");
    const { code, stdout } = await pulumi("preview", "-s", "wrong");
    assert.notEqual(code, 0);
    assert.match(stdout, /kragle:diskSize: "10" is not a size/);
    assert.match(stdout, /kragle:kernel: "tiny" is not allowed; allowed are cloud, generic/);
    assert.doesNotMatch(stdout, /at .*\.ts:\d+/, "a stack trace");
  });

  it("destroys: roots are dropped, artifacts and released files stay", async () => {
    const released = String(embedded.outputs.imagePath);
    const { code, stdout } = await pulumi("destroy", "-s", "dev", "--yes");
    assert.equal(code, 0, stdout);
    const roots = readdirSync(clone.path(".kragle/roots/dev"));
    assert.deepEqual(
      roots.filter((root) => root !== "builder"),
      [],
    );
    assert.equal(store("image").length > 0, true);
    assert.ok(existsSync(released));
    const { resources } = (
      JSON.parse(
        readFileSync(clone.path("pulumi state/.pulumi/stacks/kragle/dev.json"), "utf8"),
      ) as {
        checkpoint: { latest: { resources?: unknown[] } };
      }
    ).checkpoint.latest;
    assert.equal(resources?.length ?? 0, 0);
  });
});
