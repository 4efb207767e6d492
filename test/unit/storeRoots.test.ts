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

import { Roots } from "../../store/roots";
import { forgetStack, readStackRecord, writeStackRecord } from "../../store/stackRecord";
import { TemporaryStore } from "../temporaryStore";

const root = (key: string) => ({ stage: "image", key, publishedAt: "2026-11-01T00:00:00.000Z" });

describe("store: roots", () => {
  let at: TemporaryStore;
  let roots: Roots;
  beforeEach(() => {
    at = new TemporaryStore();
    roots = new Roots(at.home);
  });
  afterEach(() => at.remove());

  it("are none in a new store", async () => {
    assert.deepEqual(await roots.stacks(), []);
    assert.deepEqual([...(await roots.list("dev"))], []);
    await roots.drop("dev", "image");
    await roots.dropStack("dev");
  });

  it("are set, replaced and dropped one by one, by stack", async () => {
    await roots.set("dev", "image", root("1"));
    await roots.set("dev", "base", root("2"));
    await roots.set("prod", "image", root("1"));
    await roots.set("dev", "image", root("3"));
    assert.deepEqual(await roots.stacks(), ["dev", "prod"]);
    assert.deepEqual(
      [...(await roots.list("dev"))],
      [
        ["base", root("2")],
        ["image", root("3")],
      ],
    );
    await roots.drop("dev", "image");
    assert.deepEqual([...(await roots.list("dev")).keys()], ["base"]);
    assert.deepEqual([...(await roots.list("prod")).keys()], ["image"]);
    await roots.dropStack("dev");
    assert.deepEqual(await roots.stacks(), ["prod"]);
  });

  it("lie where the documents say, a file each, and leave nothing half written", async () => {
    await roots.set("dev", "convert-raw", root("1"));
    assert.deepEqual(readdirSync(join(at.home, "roots/dev")), ["convert-raw"]);
    const text = readFileSync(join(at.home, "roots/dev/convert-raw"), "utf8");
    assert.deepEqual(JSON.parse(text), root("1"));
  });

  it("that are damaged are put aside, until they are set again or dropped", async () => {
    const folder = join(at.home, "roots/dev");
    for (const [again, content] of ["{", "", "null"].entries()) {
      await roots.set("dev", "image", root("1"));
      await roots.set("dev", "base", root("2"));
      writeFileSync(join(folder, "image"), content);
      writeFileSync(join(folder, `.${randomUUID()}~`), '{"stage":');
      assert.deepEqual([...(await roots.list("dev")).keys()], ["base"]);
      assert.deepEqual([...(await roots.list("dev")).keys()], ["base"]);
      assert.match((await roots.lost("dev")).join(), /^[^,]*\/image\.damaged-[\d-]+~$/);
      if (again % 2) await roots.drop("dev", "image");
      else await roots.set("dev", "image", root("1"));
      assert.deepEqual(await roots.lost("dev"), []);
    }
  });

  it("have strangers beside them, which are left alone", async () => {
    await roots.set("dev", "image", root("1"));
    const strangers = ["x y", "%", "%zz", "notes.txt~", ".hidden", "image~"];
    for (const name of strangers) mkdirSync(join(at.home, "roots/dev", name));
    for (const name of ["%", "x y"]) writeFileSync(join(at.home, "roots", name), "");
    execFileSync("mkfifo", [join(at.home, "roots/dev/pipe")]);
    symlinkSync("image", join(at.home, "roots/dev/link"));
    assert.deepEqual([...(await roots.list("dev")).keys()], ["image"]);
    assert.deepEqual(await roots.stacks(), ["dev"]);
    await roots.dropStack("dev");
    const left = readdirSync(join(at.home, "roots/dev")).sort();
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
      await roots.set(name, name, root(name));
      assert.deepEqual([...(await roots.list(name))], [[name, root(name)]], JSON.stringify(name));
    }
    assert.deepEqual(await roots.stacks(), [...odd].sort());
    assert.deepEqual(readdirSync(at.home).sort(), ["id", "roots"]);
    for (const name of odd) await roots.drop(name, name);
    for (const name of odd) assert.equal((await roots.list(name)).size, 0);
    for (const name of odd) await roots.dropStack(name);
    assert.deepEqual(await roots.stacks(), []);
    assert.ok(existsSync(join(at.home, "id")));
  });

  it("come back as they were set, under any name", async () => {
    const name = fc.string({ minLength: 1, maxLength: 20, unit: "grapheme" });
    await fc.assert(
      fc.asyncProperty(fc.uniqueArray(name, { maxLength: 5 }), async (names) => {
        const stack = `s${Math.random()}`;
        for (const each of names) await roots.set(stack, each, root(each));
        const found = await roots.list(stack);
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

  it("is its last run, until it is forgotten", async () => {
    const record = { engine: "embedded", outputs: { imageBytes: 1 }, finishedAt: "x" } as const;
    assert.equal(await readStackRecord(at.home, "dev"), undefined);
    await writeStackRecord(at.home, "dev", { ...record, finishedAt: "before" });
    await writeStackRecord(at.home, "dev", record);
    assert.deepEqual(await readStackRecord(at.home, "dev"), record);
    assert.deepEqual(readdirSync(join(at.home, "stacks")), ["dev.json"]);
    assert.equal(await readStackRecord(at.home, "prod"), undefined);
    await forgetStack(at.home, "dev");
    await forgetStack(at.home, "dev");
    assert.equal(await readStackRecord(at.home, "dev"), undefined);
  });

  it("lies in its folder whatever the stack is called", async () => {
    const record = { engine: "pulumi", outputs: {}, finishedAt: "x" } as const;
    for (const stack of ["../../id", "ö ü", "a/b"]) {
      await writeStackRecord(at.home, stack, record);
      assert.deepEqual(await readStackRecord(at.home, stack), record);
    }
    assert.equal(readdirSync(join(at.home, "stacks")).length, 3);
    assert.deepEqual(readdirSync(at.home).sort(), ["id", "stacks"]);
  });
});
