import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import fc from "fast-check";

import { searchFor, type SecretSearch } from "../../host/secretForms";
import { VECTORS, type Written, writtenDown } from "../secretForms";
import { runPython } from "./programs";
import { toolsImage } from "./toolsImage";

interface Case extends Written {
  readonly patterns: SecretSearch["patterns"];
}

interface Hits {
  readonly hits: readonly {
    readonly secret: string;
    readonly form: string;
    readonly offset: number;
  }[];
}

/** Where the text stands in its file: in the overlap of two reads, too. */
const AT = 2 ** 20 - 8;

const SCAN = `
import json, sys
from secret_scan import scan
found = []
for case in json.load(open("/w/cases.json")):
    with open("/tmp/disk", "wb") as file:
        file.write(bytes(${AT}))
        file.write(case["text"].encode())
    found.append(scan("/tmp/disk", case["patterns"]))
print(json.dumps(found))
`;

describe("the search of a disk for secrets", function () {
  this.timeout(120_000);
  let image: string;
  let folder: string;

  before(async function () {
    image = await toolsImage(this);
  });
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "kragle-scan-"))));
  afterEach(() => rmSync(folder, { recursive: true }));

  function assertFound(written: readonly Written[]) {
    const cases: Case[] = written.map((one) => ({
      ...one,
      patterns: searchFor({ it: one.secret }).patterns,
    }));
    writeFileSync(join(folder, "cases.json"), JSON.stringify(cases));
    const found = JSON.parse(runPython(image, folder, SCAN)) as Hits[];
    cases.forEach(({ by, form, secret, text }, index) => {
      const [hit] = found[index]!.hits;
      assert.ok(hit, `${by}: ${text}`);
      // where no more than quotes are escaped, a shell's backslashes are JSON's
      const expected = text.includes(secret)
        ? /plain/
        : form === "shell-quoted"
          ? /JSON|shell/
          : form;
      assert.match(hit.form, new RegExp(expected), `${by}: ${text}`);
      assert.ok(hit.offset >= AT && hit.offset < AT + Buffer.byteLength(text), `${by}: ${text}`);
    });
  }

  it("finds what real programs write", () => {
    assertFound(VECTORS);
  });

  it("finds every form of any secret", () => {
    // special characters of which some program is known to escape each, in between others
    const secrets = fc
      .array(fc.constantFrom(..."aZ09&<>/'\"%+$ ü😀"), { minLength: 6, maxLength: 24 })
      .map((characters) => `s${characters.join("")}t`);
    assertFound(fc.sample(secrets, 40).flatMap(writtenDown));
  });

  it("finds nothing where there is nothing, and shows no more than five hits of a form", () => {
    const { patterns } = searchFor({ it: "correct&horse" });
    const cases = [
      { text: "correct-horse ".repeat(99), patterns },
      { text: "correct&amp;horse ".repeat(99), patterns },
    ];
    writeFileSync(join(folder, "cases.json"), JSON.stringify(cases));
    const [none, many] = JSON.parse(runPython(image, folder, SCAN)) as Hits[];
    assert.deepEqual(none!.hits, []);
    assert.deepEqual(
      many!.hits.map(({ form, offset }) => [form, offset]),
      [0, 1, 2, 3, 4].map((n) => ["XML-escaped", AT + n * "correct&amp;horse ".length]),
    );
  });
});
