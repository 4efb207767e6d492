import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import fc from "fast-check";

import { projectFolder } from "../../host/project";
import { facts as factsSchema, filesTsv } from "../../rules/facts";
import { readPath } from "../../rules/writtenPath";
import { SampleImage } from "./checkSamples";

/** Names as a disk may have them: any bytes but 0 and "/". */
const names = fc
  .oneof(
    fc.uint8Array({ minLength: 1, maxLength: 40 }),
    fc.string({ minLength: 1, unit: "binary" }).map((text) => Buffer.from(text)),
    fc
      .array(fc.constantFrom("\n", "\t", "\\", "n", "x0a", "\r", "\u2028", "ü"), { minLength: 1 })
      .map((parts) => Buffer.from(parts.join(""))),
  )
  .map((bytes) => Buffer.from(bytes.filter((byte) => byte !== 0 && byte !== 0x2f)))
  .filter((bytes) => bytes.length > 0);

describe("files' names of any bytes", () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), "kragle-names-"))));
  after(() => rmSync(folder, { recursive: true }));

  it("come from the inspector into files.tsv, a line each, and out of it again", () => {
    const wanted = new Set(fc.sample(names, 2000).map((name) => name.toString("hex")));
    const image = new SampleImage();
    image.facts.tree = [];
    const file = join(folder, "facts.json");
    const program = `
import json, sys
sys.path.insert(0, sys.argv[1])
from facts_file import write_facts
given = json.load(sys.stdin)
paths = ["/" + bytes.fromhex(name).decode("utf-8", "surrogateescape") for name in given["names"]]
write_facts({**given["facts"], "tree": [[path, 0o100644, 0, 0, 1] for path in paths]}, sys.argv[2])
`;
    const programs = join(projectFolder, "builder/stages/check");
    const { status, stderr } = spawnSync("python3", ["-c", program, programs, file], {
      input: JSON.stringify({ names: [...wanted], facts: image.facts }),
      encoding: "utf8",
    });
    assert.equal(status, 0, stderr);
    const facts = factsSchema.parse(JSON.parse(readFileSync(file, "utf8")));
    const lines = Buffer.from(filesTsv(facts)).toString().slice(0, -1).split("\n");
    assert.equal(lines.length, wanted.size);
    const found = lines.map((line) => {
      const columns = line.split("\t");
      assert.equal(columns.length, 5, line);
      return readPath(columns[4]!).subarray(1).toString("hex");
    });
    assert.deepEqual(found.sort(), [...wanted].sort());
  });
});
