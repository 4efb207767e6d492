import assert from "node:assert/strict";
import { execFile, execFileSync } from "node:child_process";
import {
  cpSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import { StageFailure } from "../../host/failure";
import { claimHome, homeFolder, isClaimed } from "../../host/home";
import { projectFolder } from "../../host/project";
import { userHome } from "../../host/user";
import { kragle } from "../kragle";
import { takeWarnings } from "../warnings";

const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

describe("the home", () => {
  let outer: string;
  let home: string;
  const warnings = takeWarnings();
  beforeEach(() => {
    outer = mkdtempSync(join(tmpdir(), "kragle höme "));
    home = join(outer, "home");
  });
  afterEach(() => rmSync(outer, { recursive: true }));
  const open = () => homeFolder({ KRAGLE_HOME: home });
  const refused = (why: RegExp) =>
    assert.throws(open, (error: unknown) => {
      assert.ok(error instanceof StageFailure);
      assert.equal(error.details.exitCode, 2);
      assert.match(error.message, why);
      assert.match(error.details.hint!, /new or an empty folder/);
      return true;
    });

  it("of which a folder leads nowhere is named by it, without a trace", async () => {
    mkdirSync(home);
    writeFileSync(join(home, "kragle-home.json"), '{"format":1}');
    symlinkSync(join(outer, "gone"), join(home, "locks"));
    const { code, stderr } = await kragle(home, ["gc"]);
    assert.equal(code, 3, stderr);
    assert.match(stderr, /locks: (the folder cannot be made|something else stands)/);
  }).timeout(60_000);

  it("of which a folder leads elsewhere is refused, before anything is written there", () => {
    const elsewhere = join(outer, "mine");
    mkdirSync(elsewhere);
    mkdirSync(home);
    writeFileSync(join(home, "kragle-home.json"), '{"format":1}');
    for (const name of ["roots", "stacks", "locks", "verified", "refused", "iso"]) {
      symlinkSync(elsewhere, join(home, name));
      assert.throws(
        () => homeFolder({ KRAGLE_HOME: home }),
        (error: StageFailure) => {
          assert.match(error.message, new RegExp(`${name}: something else stands .*a link$`));
          return error.details.exitCode === 3;
        },
      );
      rmSync(join(home, name));
    }
    assert.deepEqual(readdirSync(elsewhere), []);
  });

  it("may lie in the home folder of whoever runs kragle, as other paths of the settings", () => {
    assert.equal(
      homeFolder({ KRAGLE_HOME: "~/no such folder" }),
      join(userHome(), "no such folder"),
    );
  });

  it("is made and marked where there is none, or an empty folder, and keeps its id", () => {
    assert.equal(open(), home);
    assert.ok(!existsSync(home) && !isClaimed(home));
    mkdirSync(join(home, "lost+found"), { recursive: true });
    const id = claimHome(open());
    assert.match(id, UUID);
    assert.equal(claimHome(open()), id);
    assert.deepEqual(readdirSync(home).sort(), ["id", "kragle-home.json", "lost+found"]);
    assert.deepEqual(JSON.parse(readFileSync(join(home, "kragle-home.json"), "utf8")), {
      format: 1,
    });
    assert.ok(isClaimed(home));
  });

  it("of an earlier version has an id only, and is marked", () => {
    const id = "0f8fad5b-d9cb-469f-a165-70867728950e";
    mkdirSync(join(home, "store"), { recursive: true });
    writeFileSync(join(home, "id"), id);
    assert.equal(claimHome(open()), id);
    assert.ok(existsSync(join(home, "kragle-home.json")));
  });

  it("is what a first run left that was killed at any point", () => {
    mkdirSync(home);
    const unfinished = ".0f8fad5b-d9cb-469f-a165-70867728950e~";
    writeFileSync(join(home, unfinished), "");
    const id = claimHome(open());
    for (const name of ["id", "kragle-home.json"]) {
      cpSync(home, `${home}2`, { recursive: true });
      rmSync(join(`${home}2`, name));
      assert.ok(isClaimed(homeFolder({ KRAGLE_HOME: `${home}2` })));
      assert.match(claimHome(`${home}2`), UUID);
      rmSync(`${home}2`, { recursive: true });
    }
    assert.equal(claimHome(open()), id);
  });

  it("with a torn id or mark gets a new one, which is told", () => {
    claimHome(home);
    writeFileSync(join(home, "id"), "0f8fad5b-d9");
    writeFileSync(join(home, "kragle-home.json"), "");
    const id = claimHome(open());
    assert.match(id, UUID);
    assert.equal(claimHome(open()), id);
    assert.match(warnings.text, /\/id is damaged \(it holds no UUID\) and was put aside as id\./);
    assert.match(warnings.text, /\/kragle-home\.json is damaged/);
  });

  it("has another id where it is a copy, the same for all who notice at once, and keeps its own where it is moved", async () => {
    const id = claimHome(home);
    const copy = `${home} copy`;
    execFileSync("cp", ["-a", home, copy]);
    const ids = await Promise.all(
      Array.from({ length: 4 }, async () => {
        const program = "console.log(require(process.argv[1]).claimHome(process.argv[2]))";
        const [loader, room] = ["setup/loader.cjs", "host/home"].map((x) => join(projectFolder, x));
        const args = ["--require", loader!, "-e", program, room!, copy];
        return (await promisify(execFile)(process.execPath, args)).stdout.trim();
      }),
    );
    assert.match(ids[0]!, UUID);
    assert.notEqual(ids[0], id);
    assert.deepEqual(ids, [ids[0], ids[0], ids[0], ids[0]]);
    assert.equal(claimHome(home), id);
    renameSync(home, `${home} moved`);
    assert.equal(claimHome(`${home} moved`), id);
    execFileSync("cp", ["-a", `${home} moved`, home]);
    assert.ok(![id, ids[0]].includes(claimHome(home)), "another copy at another time");
    execFileSync("cp", ["-a", copy, `${home} second`]);
    rmSync(copy, { recursive: true });
    assert.equal(claimHome(`${home} second`), ids[0], "copied, and the original deleted: moved");
  });

  it("of an earlier version knows where it lies from its first use on", () => {
    const id = "0f8fad5b-d9cb-469f-a165-70867728950e";
    mkdirSync(home);
    writeFileSync(join(home, "id"), id);
    assert.equal(claimHome(home), id);
    execFileSync("cp", ["-a", home, `${home} copy`]);
    assert.notEqual(claimHome(`${home} copy`), id);
  });

  it("whose mark is gone is still known by its id", () => {
    const id = claimHome(home);
    rmSync(join(home, "kragle-home.json"));
    assert.equal(claimHome(open()), id);
  });

  it("with something else in the place of its id is told", () => {
    mkdirSync(join(home, "id"), { recursive: true });
    writeFileSync(join(home, "kragle-home.json"), '{"format":1}');
    assert.throws(() => claimHome(open()), /home\/id is not kragle's/);
  });

  it("is refused where it is somebody else's, of a newer kragle, or no folder", () => {
    mkdirSync(join(home, "work/my-thesis"), { recursive: true });
    writeFileSync(join(home, "id"), "me");
    refused(/home, which is not empty \(it has id, work\) and has no kragle-home\.json/);
    writeFileSync(join(home, "kragle-home.json"), '{"format":2}');
    refused(/which a newer kragle laid out \(format 2\)/);
    rmSync(home, { recursive: true });
    writeFileSync(home, "");
    refused(/which is no folder/);
  });

  it("that is somebody else's is refused by every verb before anything is written", async () => {
    mkdirSync(join(home, "work/my-thesis"), { recursive: true });
    mkdirSync(join(home, "store/photos"), { recursive: true });
    const all = () => readdirSync(home, { recursive: true }).map(String).sort();
    const before = all();
    // one hook stands before all of them
    const verbs = ["up", "verify", "gc", "stage image"];
    await Promise.all(
      verbs.map(async (verb) => {
        const { code, stderr } = await kragle(home, verb.split(" "));
        assert.equal(code, 2, `${verb}: ${stderr}`);
        assert.match(stderr, /^KRAGLE_HOME names .*home, which is not empty/, verb);
        assert.deepEqual(all(), before, verb);
      }),
    );
  }).timeout(60_000);

  it("that nobody has worked in has nothing to delete, and is not made for that", async () => {
    const { code, stdout } = await kragle(home, ["gc"]);
    assert.deepEqual([code, stdout], [0, "0 folders, 0 KiB freed\n"]);
    assert.ok(!existsSync(home));
  });
});
