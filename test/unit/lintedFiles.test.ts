import assert from "node:assert/strict";

import { pythonPrograms, shellScripts } from "../lint/sources";

describe("the files that are linted", () => {
  it("are shell scripts with and without an extension, in hidden folders, too", () => {
    const found = shellScripts();
    for (const wanted of [".ci/run", "kragle", "test/run", "setup/node.sh"]) {
      assert.ok(found.includes(wanted), wanted);
    }
    assert.ok(found.some((path) => path.startsWith("builder/templates/rhel7/firstboot/")));
    assert.ok(!found.some((path) => /node_modules|\.kragle\/|\.ts$/.test(path)), found.join("\n"));
  });

  it("are Python programs", () => {
    const found = pythonPrograms();
    assert.ok(found.includes("builder/docker-entrypoint.py"));
    assert.ok(found.every((path) => path.endsWith(".py")));
  });
});
