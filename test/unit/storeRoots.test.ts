import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import fc from "fast-check";

import { projectFolder } from "../../host/project";
import { shortIdentity } from "../../plan/identity";
import { RootFolder } from "../../store/rootFolder";
import { markDestroyed, readStackRecord, writeStackRecord } from "../../store/stackRecord";
import { ownerOf, rootsOf, stacksIn } from "../stacks";
import { TemporaryStore } from "../temporaryStore";
import { takeWarnings } from "../warnings";

const root = (key: string) => ({ stage: "image", key, publishedAt: "2026-11-01T00:00:00.000Z" });

describe("store: roots", () => {
  takeWarnings();
  let at: TemporaryStore;
  const of = (stack: string) => rootsOf(at.home, stack);
  beforeEach(() => {
    at = new TemporaryStore();
  });
  afterEach(() => at.remove());

  const folderOf = (stack: string) =>
    join(at.home, "roots", `${stack}.${shortIdentity(ownerOf(at.home, stack))}`);

  it("are none in a new store", async () => {
    assert.deepEqual(await stacksIn(at.home), []);
    assert.deepEqual([...(await of("dev").list())], []);
    await of("dev").drop("image");
    await of("dev").dropAll();
  });

  it("are set, replaced and dropped one by one, by stack", async () => {
    await of("dev").set("image", root("1"));
    await of("dev").set("base", root("2"));
    await of("prod").set("image", root("1"));
    await of("dev").set("image", root("3"));
    assert.deepEqual(await stacksIn(at.home), ["dev", "prod"]);
    assert.deepEqual(
      [...(await of("dev").list())],
      [
        ["base", root("2")],
        ["image", root("3")],
      ],
    );
    await of("dev").drop("image");
    assert.deepEqual([...(await of("dev").list()).keys()], ["base"]);
    assert.deepEqual([...(await of("prod").list()).keys()], ["image"]);
    await of("dev").dropAll();
    assert.deepEqual(await stacksIn(at.home), ["prod"]);
  });

  it("lie where the documents say, a file each, and leave nothing half written", async () => {
    await of("dev").set("convert-raw", root("1"));
    const folder = folderOf("dev");
    assert.match(folder, /roots\/dev\.[0-9a-f]{12}$/);
    assert.deepEqual(readdirSync(folder).sort(), [".owner.json", "convert-raw"]);
    const content = (name: string) =>
      JSON.parse(readFileSync(join(folder, name), "utf8")) as object;
    assert.deepEqual(content("convert-raw"), root("1"));
    const owner = ownerOf(at.home, "dev");
    assert.deepEqual(content(".owner.json"), { path: projectFolder, ...owner });
  });

  it("that are damaged are put aside, until they are set again or dropped", async () => {
    const folder = folderOf("dev");
    const lost = async () => {
      const roots = new RootFolder(folder);
      return roots.lost(await roots.list());
    };
    for (const [again, content] of ["{", "", "null"].entries()) {
      await of("dev").set("image", root("1"));
      await of("dev").set("base", root("2"));
      writeFileSync(join(folder, "image"), content);
      writeFileSync(join(folder, `.${randomUUID()}~`), '{"stage":');
      assert.deepEqual([...(await of("dev").list()).keys()], ["base"]);
      assert.deepEqual([...(await of("dev").list()).keys()], ["base"]);
      assert.match((await lost()).join(), /^[^,]*\/image\.damaged-[\d-]+~$/);
      if (again % 2) await of("dev").drop("image");
      else await of("dev").set("image", root("1"));
      assert.deepEqual(await lost(), []);
    }
  });

  it("have strangers beside them, which are left alone", async () => {
    await of("dev").set("image", root("1"));
    const strangers = ["x y", "%", "%zz", "notes.txt~", ".hidden", "image~"];
    for (const name of strangers) mkdirSync(join(folderOf("dev"), name));
    for (const name of ["%", "x y"]) writeFileSync(join(at.home, "roots", name), "");
    execFileSync("mkfifo", [join(folderOf("dev"), "pipe")]);
    symlinkSync("image", join(folderOf("dev"), "link"));
    assert.deepEqual([...(await of("dev").list()).keys()], ["image"]);
    assert.deepEqual(await stacksIn(at.home), ["dev"]);
    await of("dev").dropAll();
    const left = readdirSync(folderOf("dev")).sort();
    assert.deepEqual(left, [...strangers, "link", "pipe"].sort());
  });

  it("keep to their folder whatever a stack or a root is called", async () => {
    const odd = [
      "..",
      ".",
      "a/b",
      "../../id",
      "a~",
      "~",
      "ö ü",
      "%2e",
      "%",
      "a\\b",
      "a\nb",
      "-rf",
      "*",
    ];
    for (const name of odd) {
      await of(name).set(name, root(name));
      assert.deepEqual([...(await of(name).list())], [[name, root(name)]], JSON.stringify(name));
    }
    assert.deepEqual(await stacksIn(at.home), [...odd].sort());
    assert.deepEqual(readdirSync(at.home).sort(), ["id", "kragle-home.json", "roots"]);
    for (const name of odd) await of(name).drop(name);
    for (const name of odd) assert.equal((await of(name).list()).size, 0);
    for (const name of odd) await of(name).dropAll();
    assert.deepEqual(await stacksIn(at.home), []);
    assert.ok(existsSync(join(at.home, "id")));
  });

  it("come back as they were set, under any name", async () => {
    const name = fc.string({ minLength: 1, maxLength: 20, unit: "grapheme" });
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(name, { maxLength: 5 }), async (names) => {
        const stack = `s${Math.random()}`;
        for (const each of names) await of(stack).set(each, root(each));
        const found = await of(stack).list();
        assert.deepEqual([...found.keys()].sort(), [...names].sort());
        for (const each of names) assert.equal(found.get(each)!.key, each);
      }),
      { numRuns: 40 },
    );
  });
});

describe("store: what is remembered of a stack", () => {
  let at: TemporaryStore;
  beforeEach(() => {
    at = new TemporaryStore();
  });
  afterEach(() => at.remove());

  it("is its last run, and that it was destroyed after it", async () => {
    const record = { engine: "embedded", outputs: { imageBytes: 1 }, finishedAt: "x" } as const;
    assert.equal(await readStackRecord(at.home, ownerOf(at.home, "dev")), undefined);
    await writeStackRecord(at.home, ownerOf(at.home, "dev"), { ...record, finishedAt: "before" });
    await writeStackRecord(at.home, ownerOf(at.home, "dev"), record);
    const owner = ownerOf(at.home, "dev");
    assert.deepEqual(await readStackRecord(at.home, owner), record);
    assert.deepEqual(readdirSync(join(at.home, "stacks")), [`dev.${shortIdentity(owner)}.json`]);
    assert.equal(await readStackRecord(at.home, ownerOf(at.home, "prod")), undefined);
    await markDestroyed(at.home, ownerOf(at.home, "dev"));
    await markDestroyed(at.home, ownerOf(at.home, "dev"));
    const destroyed = (await readStackRecord(at.home, owner))!;
    assert.ok(Math.abs(Date.now() - Date.parse(destroyed.destroyedAt!)) < 600_000);
    assert.deepEqual(destroyed.outputs, record.outputs);
  });

  it("is not taken over by a stack that is called as its file is", async () => {
    const record = { engine: "embedded", outputs: { imageBytes: 1 }, finishedAt: "x" } as const;
    const owner = ownerOf(at.home, "dev");
    await writeStackRecord(at.home, owner, record);
    const other = ownerOf(at.home, `dev.${shortIdentity(owner)}`);
    assert.equal(await readStackRecord(at.home, other), undefined);
    await writeStackRecord(at.home, other, { ...record, finishedAt: "y" });
    assert.deepEqual(await readStackRecord(at.home, owner), record);
  });

  it("lies in its folder whatever the stack is called", async () => {
    const record = { engine: "pulumi", outputs: {}, finishedAt: "x" } as const;
    for (const stack of ["../../id", "ö ü", "a/b"]) {
      await writeStackRecord(at.home, ownerOf(at.home, stack), record);
      const owner = ownerOf(at.home, stack);
      assert.deepEqual(await readStackRecord(at.home, owner), record);
    }
    assert.equal(readdirSync(join(at.home, "stacks")).length, 3);
    assert.deepEqual(readdirSync(at.home).sort(), ["id", "kragle-home.json", "stacks"]);
  });
});
