import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readFileSync,
  realpathSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { builderFolder, programsFolder, projectFolder } from "../../host/project";
import { filesBelow, readInputFiles } from "../../preview/inputFiles";
import { parseSettings } from "../../settings/stack";
import { planImage } from "../../plan/imagePlan";
import { linkTemplate } from "../linkedTemplate";

const templates = join(builderFolder, "templates");

describe("the templates of Debian's releases", () => {
  const recipeOf = (name: string) =>
    filesBelow(join(templates, name))
      .filter((file) => file !== "template.json" && !file.includes("__pycache__"))
      .sort()
      .map((file) => [file, realpathSync(join(templates, name, file))]);

  it("share one recipe by links, all but what template.json says", () => {
    assert.deepEqual(recipeOf("debian13"), recipeOf("debian12"));
  });

  it("install what their own template.json says, although base.py is a link to another's", () => {
    for (const name of ["debian12", "debian13"]) {
      const folder = join(templates, name);
      const { stdout, stderr } = spawnSync(
        "python3",
        ["-B", "-c", "import base, json; print(json.dumps(base.wanted_packages('generic')))"],
        { cwd: folder, encoding: "utf8", env: { PYTHONPATH: join(programsFolder, "common") } },
      );
      const facts = JSON.parse(readFileSync(join(folder, "template.json"), "utf8")) as {
        packages: Record<string, string[]>;
      };
      const wanted = [...facts.packages.common!, ...facts.packages.generic!];
      assert.deepEqual(JSON.parse(stdout), wanted, stderr);
    }
  });
});

describe("a template's base.py", () => {
  /** Python that lets a template's program say which settings it finds when the system is bootstrapped by hand. */
  const BY_HAND = `
import os, sys
sys.path[:0] = sys.argv[1:3]
os.getuid = lambda: 0
import bootstrap
bootstrap.base_disk(*sys.argv[3:6])
`;
  const PROGRAM = `
import json, os
with open(os.environ["KRAGLE_SETTINGS"]) as file:
    print(json.dumps(sorted(json.load(file))))
`;

  it("finds by hand, too, the settings that are documented", () => {
    const page = readFileSync(join(projectFolder, "docs/templates.md"), "utf8");
    const [, table] = page.split("| setting | |\n");
    const documented = [...table!.split("\n\n", 1)[0]!.matchAll(/^\| `(\w+)`/gm)].map(
      ([, name]) => name!,
    );
    const program = readFileSync(join(templates, "debian12/base.py"), "utf8");
    const read = program.split("Settings (all required):\n")[1]!.split("Results in")[0]!;
    const inProgram = [...read.matchAll(/^ {4}(\w+)/gm)].map(([, name]) => name!);
    assert.deepEqual(inProgram, documented);

    const outer = mkdtempSync(join(tmpdir(), "kragle by hand "));
    try {
      const [home, folder] = [join(outer, "template"), join(outer, "work")];
      for (const each of [home, folder]) mkdirSync(each);
      writeFileSync(join(home, "base.py"), PROGRAM);
      writeFileSync(
        join(home, "template.json"),
        JSON.stringify({ minimumDiskBytes: 2 ** 31, suite: "trixie" }),
      );
      const modules = [join(programsFolder, "common"), join(builderFolder, "byhand")];
      const { stdout, stderr } = spawnSync(
        "python3",
        ["-B", "-c", BY_HAND, ...modules, home, folder, outer],
        { encoding: "utf8" },
      );
      assert.deepEqual(JSON.parse(stdout), documented.sort(), stderr);
    } finally {
      rmSync(outer, { recursive: true });
    }
  });
});

describe("a template outside of the repository", () => {
  let outer: string;
  let own: string;
  beforeEach(() => {
    outer = mkdtempSync(join(tmpdir(), "kragle own templates "));
    own = join(outer, "web");
    mkdirSync(join(own, "provision"), { recursive: true });
    linkTemplate("debian13", own);
    cpSync(join(templates, "debian13/template.json"), join(own, "template.json"));
    writeFileSync(join(own, "provision/20-web.sh"), "#!/bin/sh\n");
  });
  afterEach(() => rmSync(outer, { recursive: true }));

  const keys = (template: string) => {
    const spec = parseSettings({ template }, "web");
    const { base, image } = planImage(spec, readInputFiles(spec), null);
    return { base: base.key, image: image.key };
  };
  /** Which keys are others after a change. */
  const changed = (change: () => void) => {
    const before = keys(own);
    change();
    const after = keys(own);
    return (["base", "image"] as const).filter((stage) => before[stage] !== after[stage]);
  };

  it("is in the keys by what is in its files, wherever they lie and links lead", () => {
    const copy = join(outer, "elsewhere/copy");
    cpSync(own, copy, { recursive: true, dereference: true });
    assert.deepEqual(keys(copy), keys(own));
    // with what is Debian's own but for a script
    const debian = keys("debian13");
    assert.equal(keys(own).base, debian.base);
    assert.notEqual(keys(own).image, debian.image);
  });

  it("costs with each of its files what that is for", () => {
    const write = (name: string, text: string) => () => {
      rmSync(join(own, name), { force: true });
      writeFileSync(join(own, name), text, { mode: 0o755 });
    };
    assert.deepEqual(changed(write("provision/20-web.sh", "#!/bin/sh\nid\n")), ["image"]);
    assert.deepEqual(changed(write("provision/notes.txt", "run by nobody")), []);
    const packer = readFileSync(join(own, "image.json"), "utf8").replace('"1024"', '"2048"');
    assert.deepEqual(changed(write("image.json", packer)), ["image"]);
    assert.deepEqual(changed(write("base.py", "#!/usr/bin/env python3\n")), ["base", "image"]);
    const facts = JSON.stringify({ minimumDiskBytes: 2 ** 31, suite: "trixie" });
    assert.deepEqual(changed(write("template.json", facts)), ["base", "image"]);
    assert.deepEqual(changed(write("more.py", "")), ["base", "image"]);
    mkdirSync(join(own, ".git"));
    assert.deepEqual(changed(write(".git/HEAD", "ref: refs/heads/main")), []);
  });
});
