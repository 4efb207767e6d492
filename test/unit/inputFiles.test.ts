import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { readInputFiles, templateScripts } from "../../preview/inputFiles";
import type { ImageSpec } from "../../plan/imageSpec";
import { stepNames } from "../../plan/steps";
import { sampleSpec, scriptStep } from "../samples";
import { sha256 } from "../sha256";

describe("input files", () => {
  let folder: string;
  const write = (name: string, text: string, mode = 0o644) => {
    writeFileSync(join(folder, name), text);
    chmodSync(join(folder, name), mode);
    return join(folder, name);
  };
  const spec = (provision: string[] = []): ImageSpec => ({
    ...sampleSpec,
    template: {
      name: "own",
      folder: join(folder, "template"),
      minimumDiskBytes: 1,
      install: "bootstrap",
      ...{ suite: "bookworm", kernels: ["cloud", "generic"], medium: null },
      smoke: sampleSpec.template.smoke,
    },
    provision: provision.map(scriptStep),
  });

  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "kragle ïnputs "));
    mkdirSync(join(folder, "template/sub/__pycache__"), { recursive: true });
    write("template/image.json", "{}");
    write("template/base.py", "print()", 0o755);
    write("template/sub/ö.txt", "");
    write("template/sub/__pycache__/x.pyc", "compiled");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("of a template are the recipe of the base, and Packer's part of the image", () => {
    const { base, template } = readInputFiles(spec());
    assert.deepEqual(template, { "image.json": sha256("{}") });
    assert.deepEqual(base, { "base.py": `${sha256("print()")}+x`, "sub/ö.txt": sha256("") });
  });

  it("without image.json are told as such", () => {
    rmSync(join(folder, "template/image.json"));
    assert.throws(() => readInputFiles(spec()), { message: "the template own has no image.json" });
  });

  it("count by content and executable bit, not by time, owner's other modes or place", () => {
    const script = write("app.sh", "#!/bin/sh\n", 0o644);
    const digest = () => readInputFiles(spec([script])).steps[0];
    const before = digest();
    utimesSync(script, 1, 1);
    chmodSync(script, 0o600);
    assert.deepEqual(digest(), before);
    mkdirSync(join(folder, "elsewhere"));
    const copy = write("elsewhere/app.sh", "#!/bin/sh\n");
    assert.deepEqual(readInputFiles(spec([copy])).steps[0], before);
    chmodSync(script, 0o755);
    assert.notDeepEqual(digest(), before);
    chmodSync(script, 0o644);
    write("app.sh", "#!/bin/sh\n\n");
    assert.notDeepEqual(digest(), before);
  });

  it("have kragle's own scripts apart from the user's steps", () => {
    assert.deepEqual(Object.keys(templateScripts(spec(["b.sh"]))), ["90-generalise.sh"]);
  });

  it("give the user's steps numbers from 50, in their order, before generalisation", () => {
    const names = stepNames(["b.sh", "a.sh", "deep/folder/b.sh"].map(scriptStep));
    assert.deepEqual(names, ["50-1-b.sh", "50-2-a.sh", "50-3-b.sh"]);
  });

  it("keep the order of ten steps and more", () => {
    const many = Array.from({ length: 12 }, (_, i) => scriptStep(`${12 - i}.sh`));
    const names = stepNames(many);
    assert.deepEqual(names, names.toSorted());
    assert.equal(names[1], "50-02-11.sh");
  });
});
