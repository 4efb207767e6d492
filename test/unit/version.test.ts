import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import fc from "fast-check";

import { OLDEST_NODE, requireNode } from "../../host/oldestNode";
import { projectFolder } from "../../host/project";
import { isAtLeast } from "../../host/version";

describe("versions", () => {
  it("are compared by number", () => {
    const cases: [string, number[], boolean][] = [
      ["v22.13.0", [22, 13], true],
      ["22.9.1", [22, 13], false],
      ["24.0.0", [22, 13], true],
      ["20.10.24+dfsg1", [20, 10], true],
      ["22.13rc1", [22, 13], true],
      ["3.100.0", [3, 250], false],
      ["26", [20, 10], true],
      ["26", [26, 0, 1], false],
      ["unknown", [1], false],
    ];
    for (const [version, oldest, expected] of cases) {
      assert.equal(isAtLeast(version, oldest), expected, version);
    }
  });

  it("are in the order of their numbers, whatever stands around those", () => {
    const numbers = fc.array(fc.nat(3), { minLength: 1, maxLength: 4 });
    const before = fc.constantFrom("", "v", "docker ");
    const after = fc.constantFrom("", "-rc.9", "+dfsg1", "~9");
    fc.assert(
      fc.property(numbers, numbers, before, after, (version, oldest, prefix, suffix) => {
        // as numbers of base ten, four digits long
        const [is, least] = [version, oldest].map((list) => Number(list.join("").padEnd(4, "0")));
        assert.equal(isAtLeast(prefix + version.join(".") + suffix, oldest), is! >= least!);
      }),
    );
  });

  it("of Node that are old enough are the same for the shell and for the doctor", () => {
    const shell = readFileSync(join(projectFolder, "setup/node.sh"), "utf8");
    const number = (name: string) => Number(new RegExp(`^${name}=(\\d+)$`, "m").exec(shell)?.[1]);
    assert.deepEqual([number("node_major"), number("node_minor")], [...OLDEST_NODE]);
    const oldest = OLDEST_NODE.join(".");
    const { engines } = JSON.parse(readFileSync(join(projectFolder, "package.json"), "utf8")) as {
      engines: { node: string };
    };
    assert.equal(engines.node, `>=${oldest}`);
    const readme = readFileSync(join(projectFolder, "README.md"), "utf8");
    assert.ok(readme.includes(`Node ${oldest} or newer, which set-up fetches`));
  });

  it("of Node that are too old are told by the program, where set-up has put no other", () => {
    requireNode(OLDEST_NODE.join("."), "/nowhere");
    assert.throws(
      () => requireNode("20.20.2", "/nowhere"),
      /this is Node 20\.20\.2, and kragle's stages need 22\.13 or newer/,
    );
  });
});
