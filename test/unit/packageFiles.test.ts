import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";

import { projectFolder } from "../../host/project";
import { packaged } from "../packagedFiles";

interface Input {
  readonly files: Readonly<Record<string, string>>;
  readonly links?: Readonly<Record<string, string>>;
  /** Sizes that the tree tells, where the content has another. */
  readonly sizes?: Readonly<Record<string, number>>;
  readonly setUserId?: readonly string[];
}

const PROGRAM = `
import json, stat, sys
sys.path.insert(0, sys.argv[1])
from package_files import compare, dpkg_files, is_dpkg_file, mark_derived, without_links
given = json.load(sys.stdin)
files = {"/" + path: text for path, text in given["files"].items()}
mode = lambda path: stat.S_IFREG | (0o4755 if path in given.get("setUserId", []) else 0o644)
tree = {path: (mode(path), 0, 0, given.get("sizes", {}).get(path, len(text))) for path, text in files.items()}
class Reader:
    def pieces(self, tree, paths):
        for path in paths:
            if files[path] != "cannot be read":
                yield path, iter([files[path].encode()])
owned = without_links(dpkg_files({path: files[path] for path in files if is_dpkg_file(path)}), given.get("links", {}))
intact = set()
found = list(compare("", Reader(), tree, owned, intact))
mark_derived(found, owned, intact, set(given.get("setUserId", [])))
print(json.dumps({one["path"]: one["state"] + " " + str(one["sha256"]) for one in found}))
`;

const compare = (input: Input) => {
  const folder = join(projectFolder, "builder/stages/check");
  const { status, stdout, stderr } = spawnSync("python3", ["-c", PROGRAM, folder], {
    encoding: "utf8",
    input: JSON.stringify(input),
  });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as Record<string, string>;
};

const state = (found: Record<string, string>, path: string) => found[path]?.split(" ")[0];

describe("the files that no package accounts for", () => {
  it("are those that nobody owns, that were changed or configured", () => {
    assert.deepEqual(compare({ ...packaged, links: { "/bin": "/usr/bin" } }), packaged.states);
  });

  it("are not hidden by being a copy that runs as somebody else", () => {
    const found = compare({ ...packaged, setUserId: ["/boot/copy"] });
    assert.equal(state(found, "/boot/copy"), "unowned");
  });

  it("are told as unread where they are too large or cannot be read", () => {
    const files = { ...packaged.files, "usr/bin/whole": "cannot be read", "srv/large": "x" };
    const found = compare({ files, sizes: { "/srv/large": 2 ** 40 } });
    assert.equal(found["/usr/bin/whole"], "unread None");
    assert.equal(found["/srv/large"], "unowned None");
    const torn = compare({ ...packaged, sizes: { "/usr/bin/whole": 11 } });
    assert.equal(torn["/usr/bin/whole"], "unread None");
    // nothing is left that it could be a copy of
    assert.equal(state(found, "/boot/copy"), "unowned");
  });

  it("are found whatever a database says", () => {
    const torn = {
      "var/lib/dpkg/diversions": "/usr/bin/whole\n",
      "var/lib/dpkg/info/odd.md5sums": "x\n\n" + "y".repeat(40),
      "var/lib/dpkg/status": " /etc/tool.conf\n /a b c\nPackage: \n",
    };
    const found = compare({ files: { ...packaged.files, ...torn } });
    assert.equal(state(found, "/srv/data.bin"), "unowned");
  });

  it("are found in time where a root has thousands of links", () => {
    const many = (count: number, entry: (number: number) => [string, string]) =>
      Object.fromEntries(Array.from({ length: count }, (_, number) => entry(number)));
    const list = Array.from({ length: 50_000 }, (_, number) => `/l${number}/x`).join("\n");
    const began = performance.now();
    compare({
      files: { ...packaged.files, "var/lib/dpkg/info/many.list": list },
      links: many(50_000, (number) => [`/l${number}`, "/usr"]),
    });
    assert.ok(performance.now() - began < 10_000);
  }).timeout(60_000);
});
