import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";

import fc from "fast-check";

import { matcher, pythonPattern } from "../../rules/glob";

/** What a glob matches by trying every way: right, and slow. */
function matchesSlowly(glob: string, path: string): boolean {
  if (glob === "") return path === "";
  const some = (rest: string, characters: RegExp) => {
    for (let end = 0; ; end++) {
      if (matchesSlowly(rest, path.slice(end))) return true;
      if (end === path.length || !characters.test(path[end]!)) return false;
    }
  };
  if (glob.startsWith("**")) return some(glob.slice(2), /[^]/);
  if (glob.startsWith("*")) return some(glob.slice(1), /[^/]/);
  if (path === "") return false;
  const fits = glob.startsWith("?") ? path[0] !== "/" : path[0] === glob[0];
  return fits && matchesSlowly(glob.slice(1), path.slice(1));
}

const globs = fc
  .array(fc.constantFrom("/", "a", "b", "\n", "*", "**", "?"), { maxLength: 9 })
  // three asterisks in a row could be read in two ways
  .map((tokens) => tokens.join("").replace(/\*{3,}/g, "**"));
const paths = fc
  .array(fc.constantFrom("/", "a", "b", "\n"), { maxLength: 10 })
  .map((characters) => characters.join(""));

describe("a glob, whatever it is", () => {
  it("matches what trying every way would find", () => {
    fc.assert(
      fc.property(globs, paths, (glob, path) => {
        assert.equal(matcher([glob])(path), matchesSlowly(glob, path));
      }),
      { numRuns: 5000 },
    );
  });

  it("matches the same paths in the inspector's Python", function () {
    const samples = fc.sample(fc.tuple(globs, paths), 2000);
    const atomicGroups = "import sys; sys.exit(sys.version_info < (3, 11))";
    if (spawnSync("python3", ["-c", atomicGroups]).status !== 0) return this.skip();
    const program =
      "import json, re, sys; print(json.dumps([bool(re.fullmatch(p, s)) for p, s in json.load(sys.stdin)]))";
    const { stdout } = spawnSync("python3", ["-c", program], {
      input: JSON.stringify(samples.map(([glob, path]) => [pythonPattern(glob), path])),
      encoding: "utf8",
    });
    assert.deepEqual(
      JSON.parse(stdout),
      samples.map(([glob, path]) => matcher([glob])(path)),
    );
    return undefined;
  });

  it("takes no longer with many asterisks", function () {
    this.timeout(5000);
    const glob = `/${"*a".repeat(20)}**${"*a".repeat(20)}/**b/x`;
    assert.equal(matcher([glob])(`/${"a".repeat(2000)}/${"ab/".repeat(500)}`), false);
  });
});
