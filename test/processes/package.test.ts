import assert from "node:assert/strict";
import { execFileSync, spawnSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { projectFolder } from "../../host/project";
import { catalogueDigest } from "../../rules/catalogue";
import { Clone } from "../clone";

const MODULES = join(projectFolder, "node_modules");

/** What a clone has for its own work; the package must do without. */
const OF_CLONES = ["esbuild", "@esbuild", "tsx", "kragle"];

describe("the package", function () {
  this.timeout(600_000);
  let outer: string;
  let files: string[];
  const consumer = (...parts: string[]) => join(outer, "consumer", ...parts);

  before(() => {
    outer = mkdtempSync(join(tmpdir(), "kragle package "));
    const clone = new Clone();
    try {
      execFileSync(process.execPath, ["setup/build.cjs"], { cwd: clone.folder });
      const pack = ["pack", "--json", "--ignore-scripts", "--pack-destination", outer];
      const packed = execFileSync("npm", pack, { cwd: clone.folder, encoding: "utf8" });
      const [{ filename, files: inside }] = JSON.parse(packed) as [
        { filename: string; files: { path: string }[] },
      ];
      files = inside.map(({ path }) => path);
      install(join(outer, filename));
    } finally {
      clone.remove();
    }
  });

  after(() => rmSync(outer, { recursive: true, force: true }));

  /** What `npm install` leaves, without a registry: the package itself, and links to the packages that it depends on. */
  function install(archive: string): void {
    mkdirSync(consumer("node_modules/kragle"), { recursive: true });
    execFileSync("tar", ["-xzf", archive, "-C", consumer("node_modules/kragle"), "--strip=1"]);
    mkdirSync(consumer("node_modules/@pulumi"));
    for (const name of readdirSync(MODULES)) {
      if (OF_CLONES.includes(name) || name === "@pulumi") continue;
      symlinkSync(join(MODULES, name), consumer("node_modules", name));
    }
    for (const name of ["pulumi", "command", "docker"])
      symlinkSync(join(MODULES, "@pulumi", name), consumer("node_modules/@pulumi", name));
  }

  const run = (program: string) => {
    writeFileSync(consumer("program.cjs"), program);
    const { status, stdout, stderr } = spawnSync(process.execPath, ["program.cjs"], {
      cwd: consumer(),
      encoding: "utf8",
    });
    assert.equal(status, 0, stderr);
    return stdout;
  };

  it("has what is used, and nothing else", () => {
    // npm takes along what package.json calls `main`, which only a clone needs
    const wanted = files.filter((path) => path !== "plugin/main.cjs");
    const places = new Set(wanted.map((path) => path.split("/")[0]!));
    assert.deepEqual([...places].sort(), ["LICENSE", "README.md", "dist", "package.json"]);
    // the catalogue's TypeScript is read for its digest
    const sources = files.filter((path) => /(?<!\.d)\.ts$/.test(path));
    assert.ok(sources.every((path) => path.startsWith("dist/rules/")));
    assert.deepEqual(
      files.filter((path) => /(^|\/)(test|docs|\.kragle|__pycache__)\//.test(path)),
      [],
    );
    // npm leaves links out, which this template consists of
    assert.ok(files.includes("dist/builder/templates/debian13/base.py"));
  });

  it("needs the packages that it names, and none by a path", () => {
    const manifest = JSON.parse(
      readFileSync(consumer("node_modules/kragle/package.json"), "utf8"),
    ) as Record<"dependencies" | "peerDependencies", Record<string, string>>;
    const { dependencies, peerDependencies } = manifest;
    assert.deepEqual(
      Object.values(dependencies).filter((version) => !/^\d+\.\d+\.\d+$/.test(version)),
      [],
    );
    assert.deepEqual(Object.keys(peerDependencies), ["@pulumi/pulumi"]);
  });

  it("is typed for the strictest consumer", () => {
    writeFileSync(
      consumer("index.ts"),
      `import { BuildRun, type BuildRunArgs, Conversion, GoldenImage, type GoldenImageArgs } from "kragle";
export const stack: BuildRunArgs["stack"] = "dev";
export const made = (run: BuildRun, conversion: Conversion) => [run.imageSha256, conversion.convert];
const args: GoldenImageArgs = { diskSize: "4 GiB", provision: [{ packages: ["nginx"] }], smoke: "none" };
const image = new GoldenImage("web", args);
export const conversions = image.conversions.apply((all) => all["raw"]?.sha256);
// @ts-expect-error: an argument that there is not
new GoldenImage("wrong", { diskSise: "4 GiB" });
`,
    );
    const strict = {
      strict: true,
      exactOptionalPropertyTypes: true,
      noUncheckedIndexedAccess: true,
    };
    const modules = { module: "nodenext", target: "es2022", types: ["node"], noEmit: true };
    const compilerOptions = { ...strict, ...modules, skipLibCheck: false };
    const config = { compilerOptions, files: ["index.ts"] };
    writeFileSync(consumer("tsconfig.json"), JSON.stringify(config));
    const compiler = join(MODULES, "typescript/bin/tsc");
    const { stdout } = spawnSync(process.execPath, [compiler, "-p", "."], {
      cwd: consumer(),
      encoding: "utf8",
    });
    assert.equal(stdout, "");
  });

  it("makes resources with keys that a clone has", () => {
    const said = run(`
      const pulumi = require("@pulumi/pulumi");
      const made = [];
      void pulumi.runtime.setMocks({
        newResource(args) { made.push(args.type); return { id: args.name, state: args.inputs }; },
        call: (args) => args.inputs,
      });
      const { Conversion } = require("kragle");
      const { catalogueDigest } = require("./node_modules/kragle/dist/rules/catalogue");
      const reach = { kragle: "./kragle", context: "builder" };
      const planned = { key: "0".repeat(64), description: {} };
      const image = { stack: "dev", toolsImage: "tools", imageKey: "1".repeat(64), request: {} };
      const conversion = new Conversion("convert-raw", { ...image, reach, planned, marker: undefined });
      conversion.convert.urn.apply(() => console.log(JSON.stringify({ made, digest: catalogueDigest() })));`);
    const { made, digest } = JSON.parse(said) as { made: string[]; digest: string };
    assert.deepEqual(made, ["kragle:index:Conversion", "command:local:Command"]);
    assert.equal(digest, catalogueDigest());
  });

  it("has the command line", () => {
    const kragle = consumer("node_modules/kragle/dist/kragle");
    const said = execFileSync(kragle, ["--version"], { cwd: consumer(), encoding: "utf8" });
    assert.match(said, /^0\.1\.0/);
  });
});
