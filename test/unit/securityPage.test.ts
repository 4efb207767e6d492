import assert from "node:assert/strict";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import { projectFolder } from "../../host/project";

const read = (name: string) => readFileSync(join(projectFolder, name), "utf8");

describe("the page on security", () => {
  it("names tests that exist for what it says", () => {
    const rows = [...read("SECURITY.md").matchAll(/ `(test\/[\w/]+\.test\.ts)`: (.+) \|$/gm)];
    assert.ok(rows.length >= 20);
    for (const [, file, name] of rows) assert.ok(read(file!).includes(name!), `${file}: ${name}`);
  });

  it("says of every template that QEMU runs it in its sandbox", () => {
    const templates = readdirSync(join(projectFolder, "builder/templates"));
    assert.ok(templates.length >= 3);
    for (const name of templates) {
      const { builders } = JSON.parse(read(`builder/templates/${name}/image.json`)) as {
        builders: { qemuargs: string[][] }[];
      };
      const options = builders.map(({ qemuargs }) => qemuargs.find(([n]) => n === "-sandbox")?.[1]);
      const all = "on,obsolete=deny,elevateprivileges=deny,spawn=deny,resourcecontrol=deny";
      assert.deepEqual(options, [all], name);
    }
  });
});
