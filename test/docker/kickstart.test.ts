import assert from "node:assert/strict";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { inProject } from "../../host/project";
import { readKickstarts } from "../standIn/pykickstart";
import { toolsImage } from "./toolsImage";

const templates = inProject("builder/templates");

describe("kickstarts, read by pykickstart as RHEL 7.1 reads them", function () {
  this.timeout(120_000);
  let image: string;

  before(async function () {
    image = await toolsImage(this);
  });

  it("knows every command and option of the templates'", () => {
    const files = readdirSync(templates)
      .map((name) => join(templates, name, "ks.cfg"))
      .filter((file) => existsSync(file));
    assert.ok(files.length > 0, "no template has a kickstart");
    const answers = readKickstarts(
      image,
      files.map((file) => readFileSync(file, "utf8")),
    );
    assert.deepEqual(
      answers,
      files.map(() => "ok"),
    );
  });

  const refused: Record<string, RegExp> = {
    "frobnicate --now": /line 1 .*Unknown command: frobnicate/,
    "rootpw --lock --hidden": /line 1 .*--hidden/,
    "rhsm --organization=a": /Unknown command: rhsm/,
    'sshkey --username=root "ssh-ed25519 A"': /Unknown command: sshkey/,
    // later releases of 7 know these
    reqpart: /Unknown command: reqpart/,
    "part / --size=1 --mkfsoptions=-q": /no such option: --mkfsoptions/,
    "network --bindto=mac": /no such option: --bindto/,
    "%packages\n@core": /does not end with %end/,
    "%certificate\n%end": /Unknown kickstart section: %certificate/,
  };
  it("refuses what 7.1 did not know", () => {
    const answers = readKickstarts(image, Object.keys(refused));
    for (const [index, [text, expected]] of Object.entries(refused).entries()) {
      assert.match(answers[index]!, expected, text);
    }
  });
});
