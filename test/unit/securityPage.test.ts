import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { projectFolder } from "../../host/project";

const read = (name: string) => readFileSync(join(projectFolder, name), "utf8");

describe("the page on security", () => {
  it("names tests that exist for what it says", () => {
    const rows = [...read("SECURITY.md").matchAll(/ `(test\/[\w/]+\.test\.ts)`: (.+) \|$/gm)];
    assert.ok(rows.length >= 20);
    for (const [, file, name] of rows) assert.ok(read(file!).includes(name!), `${file}: ${name}`);
  });
});
