import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import { cpSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { findProgram } from "../../host/program";
import { packageFolder } from "../../host/project";
import { READY } from "../builtClones";
import { Clone } from "../clone";
import { sha256 } from "../sha256";
import { builtForPulumi } from "./builtForPulumi";
import { MINUTES } from "./pulumiProject";

/** What the examples of each language make, and what makes them quick. */
const IMAGE = { diskSize: "4 GiB", provision: [{ packages: ["nginx-light"] }] };

describe("the plugin, under the real Pulumi CLI", function () {
  this.timeout(10 * MINUTES);
  const built = builtForPulumi((all) => all.addImages([IMAGE]));
  let clone: Clone;
  let project: string;
  let environment: Record<string, string>;

  before(() => {
    clone = built.keep(new Clone());
    execFileSync(process.execPath, ["setup/build.cjs"], { cwd: clone.folder });
    project = mkdtempSync(join(tmpdir(), "kragle program "));
    environment = {
      ...built.environment,
      KRAGLE_HOME: built.makeHome(),
      PULUMI_BACKEND_URL: `file://${encodeURI(mkdtempSync(join(project, "state ")))}`,
      PULUMI_CONFIG_PASSPHRASE: "a passphrase",
      PULUMI_SKIP_UPDATE_CHECK: "true",
    };
  });

  after(() => {
    if (project) rmSync(project, { recursive: true });
  });

  /** Runs a command of the CLI that has to succeed, while the daemon answers in this process. */
  async function pulumi(...args: string[]): Promise<string> {
    const all = [...args, "--non-interactive", "--color", "never"];
    const { stdout } = await promisify(execFile)("pulumi", all, {
      ...{ cwd: project, maxBuffer: 2 ** 26 },
      env: { ...process.env, ...environment },
    });
    return stdout;
  }

  it("has the schema that stands in the repository", async () => {
    const told = await pulumi("package", "get-schema", clone.path("dist"));
    const pinned = readFileSync(join(packageFolder, "plugin/schema.json"), "utf8");
    const { types, resources } = JSON.parse(pinned) as Record<string, object>;
    const asTold = JSON.parse(told) as Record<string, object>;
    const names = (of?: object) => Object.keys(of ?? {}).sort();
    assert.deepEqual(names(asTold.types), names(types));
    const component = "kragle:index:GoldenImage";
    const of = (schema: Record<string, unknown>) =>
      schema[component] as Record<"inputProperties" | "properties", Record<string, unknown>>;
    for (const part of ["inputProperties", "properties"] as const) {
      const pinnedPart = of(resources as Record<string, unknown>)[part];
      const toldPart = of(asTold.resources as Record<string, unknown>)[part];
      assert.deepEqual(names(toldPart), names(pinnedPart));
      for (const [name, { description }] of Object.entries(
        pinnedPart as Record<string, { description: string }>,
      ))
        assert.equal((toldPart[name] as { description: string }).description, description);
    }
  });

  it("makes an image for a program in YAML, from an empty folder, and nothing the second time", async function () {
    if (!findProgram("pulumi-language-yaml")) {
      console.log("      skipped: pulumi-language-yaml is not on PATH");
      this.skip();
    }
    cpSync(join(packageFolder, "examples/yaml"), project, { recursive: true });
    const program = readFileSync(join(project, "Pulumi.yaml"), "utf8");
    const quick = `      smoke: none\n      builderImage: ${READY.builderImage}\n`;
    writeFileSync(
      join(project, "Pulumi.yaml"),
      program.replace(/^ +diskSize: .*\n/m, `$&${quick}`),
    );
    await pulumi("package", "add", clone.path("dist"));
    await pulumi("stack", "init", "dev");
    await pulumi("up", "-s", "dev", "--yes", "--skip-preview");
    const outputs = JSON.parse(await pulumi("stack", "output", "-s", "dev", "--json")) as object;
    assert.deepEqual(outputs, {
      imagePath: join(project, "build/dev/web/output/packer-kragle-qcow2"),
      imageSha256: sha256("image 0"),
    });
    await pulumi("preview", "-s", "dev", "--expect-no-changes");
  });
});
