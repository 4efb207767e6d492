import { existsSync, mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { packageFolder } from "../../host/project";
import { READY } from "../builtClones";
import { Clone } from "../clone";
import { builtForPulumi } from "./builtForPulumi";
import { PulumiProject } from "./pulumiProject";

/** Everything down to check is in the store, so that an image is released in seconds. */
const LEAN = { ...READY, formats: [], smoke: "none" };

/**
 * A program of somebody's own that has kragle as a package, under the real Pulumi CLI: for each test a new one, in a folder of its own, on a
 * store in which its images only lack their release. To be made in a `describe`.
 */
export class SomeProgram {
  private readonly built = builtForPulumi((all) => all.addImageOnIt());
  folder!: string;
  project!: PulumiProject;

  constructor() {
    beforeEach(() => this.make());
    afterEach(() => rmSync(this.folder, { recursive: true }));
  }

  private async make(): Promise<void> {
    this.folder = mkdtempSync(join(tmpdir(), "somebody "));
    symlinkSync(join(packageFolder, "node_modules"), join(this.folder, "node_modules"));
    writeFileSync(
      join(this.folder, "Pulumi.yaml"),
      "name: shop\nruntime: { name: nodejs, options: { typescript: false } }\n",
    );
    writeFileSync(join(this.folder, "package.json"), '{ "name": "shop", "main": "shop.cjs" }\n');
    const environment = { ...this.built.environment, KRAGLE_HOME: this.built.makeHome() };
    this.project = new PulumiProject(
      new Clone(this.folder),
      join(this.folder, "state"),
      environment,
    );
    await this.project.succeeds(["stack", "init", "prod"]);
  }

  /** @param lines of the program, which has GoldenImage, command, pulumi and lean settings */
  write(...lines: string[]): void {
    writeFileSync(
      join(this.folder, "shop.cjs"),
      [
        `require(${JSON.stringify(join(packageFolder, "setup/loader.cjs"))});`,
        `const { GoldenImage } = require(${JSON.stringify(join(packageFolder, "index.ts"))});`,
        'const command = require("@pulumi/command");',
        'const pulumi = require("@pulumi/pulumi");',
        `const lean = ${JSON.stringify(LEAN)};`,
        ...lines,
      ].join("\n"),
    );
  }

  /** Type and name of what is in the state. */
  async types(): Promise<string[]> {
    const resources = await this.project.resources("prod");
    return resources.map(({ urn }) => urn.split("::").slice(-2).join(" "));
  }

  /** What the stack keeps in the store, by its roots. */
  kept(): string[] {
    const roots = join(this.project.environment().KRAGLE_HOME!, "roots");
    if (!existsSync(roots)) return [];
    const names = readdirSync(roots).flatMap((stack) => readdirSync(join(roots, stack)));
    return names.filter((name) => !name.startsWith(".")).toSorted();
  }
}
