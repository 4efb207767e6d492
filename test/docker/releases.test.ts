import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { dirname, join } from "node:path";

import { builderFolder } from "../../host/project";
import { filesBelow } from "../../infra/inputFiles";
import { runStage } from "../../run/runStage";
import { base } from "../../stages/base/base";
import { baseCall } from "../sampleCalls";
import { executor } from "../site";
import { TemporaryStore } from "../temporaryStore";
import { toolsImage } from "./toolsImage";

/** The template whose recipe the own one has, by links. */
const DEBIAN = join(builderFolder, "templates/debian13");

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
    for (const name of filesBelow(DEBIAN)) {
      if (name === "template.json" || name.includes("__pycache__")) continue;
      mkdirSync(dirname(join(folder, name)), { recursive: true });
      symlinkSync(join(DEBIAN, name), join(folder, name));
    }
  });
  afterEach(() => {
    rmSync(folder, { recursive: true });
    at.remove();
  });

  /** What is told of an installation with those packages of that release, and the phases that it came to. */
  async function refused(suite: string, packages: readonly string[]) {
    const facts = JSON.parse(readFileSync(join(DEBIAN, "template.json"), "utf8")) as object;
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
