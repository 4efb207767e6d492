import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { builderFolder } from "../../host/project";
import { runStage } from "../../run/runStage";
import { base } from "../../stages/base/base";
import { linkTemplate } from "../linkedTemplate";
import { baseCall } from "../sampleCalls";
import { executor } from "../site";
import { TemporaryStore } from "../temporaryStore";
import { toolsImage } from "./toolsImage";

describe("a Debian release that cannot be installed", function () {
  this.timeout(300_000);
  let image: string;
  let folder: string;
  let at: TemporaryStore;

  before(async function () {
    image = await toolsImage(this);
  });
  beforeEach(() => {
    at = new TemporaryStore();
    folder = mkdtempSync(join(tmpdir(), "kragle own template "));
    linkTemplate("debian13", folder);
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
    at.remove();
  });

  /** What is told of an installation with those packages of that release, and the phases that it came to. */
  async function refused(suite: string, packages: readonly string[]) {
    const debian = join(builderFolder, "templates/debian13/template.json");
    const facts = JSON.parse(readFileSync(debian, "utf8")) as object;
    const own = { ...facts, suite, packages: { common: packages, cloud: [], generic: [] } };
    writeFileSync(join(folder, "template.json"), JSON.stringify(own));
    const lines: string[] = [];
    const why = await runStage(base, {
      executor,
      store: at.store,
      call: baseCall(
        {
          ...{ toolsImage: image, templateFolder: folder },
          ...{ timeoutSeconds: 240, silenceSeconds: 240 },
        },
        { diskBytes: 2 ** 31 },
      ),
      marker: undefined,
      secrets: {},
      print: (line) => lines.push(line),
      signal: new AbortController().signal,
    }).then(
      () => assert.fail("it was installed"),
      (error: Error) => error.message,
    );
    assert.ok(!lines.some((line) => line.includes("installing essential packages")), why);
    return why;
  }

  it("is told where no mirror has one of that name", async () => {
    const why = await refused("forty-two", ["zstd"]);
    assert.match(
      why,
      /error: not on the mirror: \S+ forty-two, .*; see that the setting suite, or/,
    );
  });

  it("is told, with the names, where it lacks packages, before anything of it is set up", async () => {
    const why = await refused("trixie", ["no-such-package", "zstd", "nor-this-one"]);
    assert.match(why, /error: trixie has no package no-such-package, nor-this-one, which/);
  });
});
