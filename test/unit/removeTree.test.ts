import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { existsSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { removeTree } from "../../host/removeTree";
import { withOwnMounts } from "../ownMounts";

/** Mounts what is precious into a folder, runs the code there, and says what of the precious is left. */
const MOUNTED = `
  mount --bind "$2" "$3" || exit 9
  "$0" -e "$1" "$4"
  ls "$2"`;

describe("deleting a tree", () => {
  let folder: string;
  let precious: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "kragle tree ü\n"));
    precious = join(folder, "precious");
    mkdirSync(precious);
    writeFileSync(join(precious, "thesis"), "x");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  it("follows no link, and takes what is absent for done", async () => {
    const tree = join(folder, "tree");
    mkdirSync(join(tree, "a"), { recursive: true });
    symlinkSync(precious, join(tree, "a", "link"));
    symlinkSync(precious, join(folder, "link"));
    await removeTree(tree);
    await removeTree(tree);
    await removeTree(join(folder, "link"));
    await removeTree(join(tree, "no", "where"));
    assert.ok(!existsSync(tree) && existsSync(join(precious, "thesis")));
  });

  it("names a file that may not be deleted, in words that are true", async function () {
    const file = join(folder, "tree");
    writeFileSync(file, "");
    if (spawnSync("chattr", ["+i", file]).status !== 0) return this.skip();
    try {
      await assert.rejects(removeTree(file), { code: "EPERM", message: /tree may not be deleted/ });
    } finally {
      spawnSync("chattr", ["-i", file]);
    }
  });

  const programs: [string, string][] = [
    ["removeTree", 'require("./host/removeTree").removeTree(place)'],
    [
      "a folder that is held open",
      `(async () => {
        const { HeldFolder } = require("./host/heldFolder");
        await (await HeldFolder.open(dirname(place))).removeFolder(basename(place));
      })()`,
    ],
    [
      "garbage collection",
      `(async () => {
        const { Store } = require("./store/store");
        const { collectGarbage } = require("./store/gc");
        const { failed } = await collectGarbage(new Store(dirname(dirname(place))), false);
        throw new Error(failed.map(({ name, reason }) => name + ": " + reason).join());
      })()`,
    ],
  ];
  for (const [what, call] of programs) {
    for (const at of [".", "deep/er"]) {
      it(`by ${what} stops at what is mounted in it (${at})`, function () {
        const home = join(folder, "home ü");
        const tree = join(home, "work", `image-${"a".repeat(64)}`);
        mkdirSync(join(tree, at), { recursive: true });
        writeFileSync(join(home, "kragle-home.json"), '{"format":1}');
        const code = `
          require("./setup/loader.cjs");
          const { dirname, basename } = require("node:path");
          const place = process.argv[1];
          ${call}.then(() => console.log("done"), (error) => console.log(error.message));`;
        const args = [process.execPath, code, precious, join(tree, at), tree];
        const said = withOwnMounts(this, MOUNTED, args);
        assert.match(said, /something is mounted at [^]*nothing is deleted there[^]*\nthesis\n$/);
      });
    }
  }
});
