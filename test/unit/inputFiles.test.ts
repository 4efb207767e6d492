import assert from "node:assert/strict";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, utimesSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { provisioningScripts, readInputFiles } from "../../infra/inputFiles";
import type { ImageSpec } from "../../plan/imageSpec";
import { sampleSpec } from "../samples";
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
      medium: null,
      smoke: sampleSpec.template.smoke,
    },
    provision,
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
    const digest = () => readInputFiles(spec([script])).scripts["50-1-app.sh"];
    const before = digest();
    utimesSync(script, 1, 1);
    chmodSync(script, 0o600);
    assert.equal(digest(), before);
    mkdirSync(join(folder, "elsewhere"));
    const copy = write("elsewhere/app.sh", "#!/bin/sh\n");
    assert.equal(readInputFiles(spec([copy])).scripts["50-1-app.sh"], before);
    chmodSync(script, 0o755);
    assert.notEqual(digest(), before);
    chmodSync(script, 0o644);
    write("app.sh", "#!/bin/sh\n\n");
    assert.notEqual(digest(), before);
  });

  it("give the user's scripts numbers from 50, in their order, before generalisation", () => {
    const names = Object.keys(provisioningScripts(spec(["b.sh", "a.sh", "deep/folder/b.sh"])));
    assert.deepEqual(names, ["50-1-b.sh", "50-2-a.sh", "50-3-b.sh", "90-generalise.sh"]);
  });

  it("keep the order of ten scripts and more", () => {
    const many = Array.from({ length: 12 }, (_, i) => `${12 - i}.sh`);
    const scripts = provisioningScripts(spec(many));
    const users = Object.entries(scripts).filter(([name]) => name.startsWith("50-"));
    assert.deepEqual(
      users.map(([, path]) => path),
      many,
    );
    assert.deepEqual(Object.keys(scripts), Object.keys(scripts).toSorted());
  });
});
