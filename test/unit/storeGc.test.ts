import assert from "node:assert/strict";
import { randomUUID } from "node:crypto";
import {
  chmodSync,
  existsSync,
  mkdirSync,
  readdirSync,
  rmdirSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import { stageKey } from "../../plan/description";
import { shortIdentity } from "../../plan/identity";
import { collectGarbage } from "../../store/gc";
import { LockHeld } from "../../host/lock";
import { displayPath } from "../../host/project";
import { markDestroyed, readStackRecord, writeStackRecord } from "../../store/stackRecord";
import { ownerOf, rootsOf } from "../stacks";
import { TemporaryStore } from "../temporaryStore";
import { takeWarnings } from "../warnings";

describe("store: garbage collection", () => {
  takeWarnings();
  let at: TemporaryStore;
  beforeEach(() => {
    at = new TemporaryStore();
  });
  afterEach(() => at.remove());

  /** Publishes an artifact; with a stack, also as one that it uses. */
  async function artifact(variant: string, stack?: string): Promise<string> {
    const { key, manifest } = await at.publish(
      { file: variant.repeat(10_000) },
      at.describe(variant),
    );
    const { publishedAt } = manifest;
    if (stack)
      await rootsOf(at.home, stack).set(`image ${variant}`, { stage: "image", key, publishedAt });
    return `image-${key}`;
  }

  const stored = () => readdirSync(join(at.home, "store")).sort();
  const names = (collected: { deleted: readonly { name: string }[] }) =>
    collected.deleted.map(({ name }) => name).sort();

  it("of a new store does nothing", async () => {
    assert.deepEqual(await collectGarbage(at.store, false), {
      ...{ deleted: [], kept: [], foreign: [], unreadable: [], failed: [] },
    });
  });

  it("deletes what no stack uses, keeps what any stack uses, and says both", async () => {
    const used = [await artifact("a", "dev"), await artifact("b", "gone for good")];
    const unused = [await artifact("c"), await artifact("d")].sort();
    const collected = await collectGarbage(at.store, false);
    assert.deepEqual(
      names(collected),
      unused.map((name) => `store/${name}`),
    );
    assert.deepEqual(
      collected.kept.map(({ stack, roots }) => [stack, roots.size]),
      [
        ["dev", 1],
        ["gone for good", 1],
      ],
    );
    for (const { bytes } of collected.deleted) assert.ok(bytes >= 10_000, `${bytes} bytes`);
    assert.deepEqual(stored(), used.sort());
    assert.equal(await at.state(at.describe("a")), "present");
    assert.deepEqual((await collectGarbage(at.store, false)).deleted, []);
  });

  it("keeps what one stack dropped and another one uses", async () => {
    const shared = await artifact("a", "dev");
    await artifact("a", "prod");
    await rootsOf(at.home, "dev").dropAll();
    await collectGarbage(at.store, false);
    assert.deepEqual(stored(), [shared]);
    await rootsOf(at.home, "prod").dropAll();
    await collectGarbage(at.store, false);
    assert.deepEqual(stored(), []);
  });

  it("keeps what stacks with odd names use", async () => {
    const used = [];
    for (const stack of ["~", "a~", "..", "ö/ü", "%41"]) used.push(await artifact(stack, stack));
    const { deleted, kept } = await collectGarbage(at.store, false);
    assert.deepEqual(deleted, []);
    assert.deepEqual(
      kept.map(({ roots }) => roots.size),
      used.map(() => 1),
    );
    assert.deepEqual(stored(), used.sort());
  });

  it("deletes unfinished work, evidence of failures and what an interrupted deletion left", async () => {
    const used = await artifact("a", "dev");
    const trash = `trash/${randomUUID()}`;
    const failed = `failed/image-${"2".repeat(64)}`;
    for (const folder of [`work/${used}`, failed, trash]) {
      mkdirSync(join(at.home, folder, "sub"), { recursive: true });
      writeFileSync(join(at.home, folder, "sub/file"), "x");
    }
    const collected = await collectGarbage(at.store, false);
    assert.deepEqual(names(collected), [failed, trash, `work/${used}`]);
    for (const place of ["work", "failed", "trash"]) {
      assert.deepEqual(readdirSync(join(at.home, place)), []);
    }
  });

  it("frees the packages that builds have downloaded, and leaves what else lies among them", async () => {
    await artifact("a", "dev");
    const folder = join(at.home, "packages");
    mkdirSync(folder);
    const own = [`${"1".repeat(64)}.${"2".repeat(64)}`, `.${randomUUID()}~`];
    const link = `${"1".repeat(64)}.${"3".repeat(64)}`;
    const others = [link, "1".repeat(64), "mine.deb"].sort();
    for (const name of [...own, "1".repeat(64), "mine.deb"]) writeFileSync(join(folder, name), "x");
    symlinkSync(join(folder, "mine.deb"), join(folder, link));
    const dry = await collectGarbage(at.store, true);
    assert.equal(readdirSync(folder).length, 5);
    const collected = await collectGarbage(at.store, false);
    assert.deepEqual(collected, dry);
    assert.deepEqual(names(collected), ["packages"]);
    assert.ok(collected.deleted[0]!.bytes > 0);
    assert.deepEqual(collected.foreign, others.map((name) => `packages/${name}`).sort());
    assert.deepEqual(readdirSync(folder).sort(), others);
    assert.deepEqual(names(await collectGarbage(at.store, false)), []);
  });

  it("only says what it would delete when it is a dry run", async () => {
    const unused = await artifact("a");
    const dry = await collectGarbage(at.store, true);
    assert.deepEqual(names(dry), [`store/${unused}`]);
    assert.deepEqual(stored(), [unused]);
    assert.equal(await at.state(at.describe("a")), "present");
    assert.deepEqual(await collectGarbage(at.store, false), dry);
  });

  it("refuses while a stage runs, and deletes nothing then", async () => {
    const unused = await artifact("a");
    const release = await at.place.lockStore({ shared: true });
    await assert.rejects(collectGarbage(at.store, false), LockHeld);
    await assert.rejects(collectGarbage(at.store, true), LockHeld);
    assert.deepEqual(stored(), [unused]);
    await release();
    assert.equal((await collectGarbage(at.store, false)).deleted.length, 1);
  });

  it("gives the store free again, also when it failed", async () => {
    await collectGarbage(at.store, false);
    writeFileSync(join(at.home, "store"), "no folder");
    await collectGarbage(at.store, false).catch(() => undefined);
    await (
      await at.place.lockStore({ noWait: true })
    )();
  });

  it("deletes nothing where the roots cannot be read", async () => {
    const name = await artifact("a");
    // not a folder: as good as an unreadable one, for the superuser too
    writeFileSync(join(at.home, "roots"), "");
    await assert.rejects(collectGarbage(at.store, false));
    assert.ok(existsSync(join(at.home, "store", name)));
  });

  const DAMAGED = ["", "null", '{"stage": "image", "ke', "[]", "5", '{"stage":1}', "\xff"];
  for (const content of [...DAMAGED, undefined]) {
    const what = content === undefined ? "a folder" : JSON.stringify(content);
    it(`keeps every result while a root is ${what}, until it is written again`, async () => {
      const [kept, unused] = [await artifact("a", "dev"), await artifact("b")];
      const folder = join(at.home, "roots", `dev.${shortIdentity(ownerOf(at.home, "dev"))}`);
      const file = join(folder, "image%20a");
      const { key, publishedAt } = (await rootsOf(at.home, "dev").list()).get("image a")!;
      rmSync(file);
      if (content === undefined) mkdirSync(file);
      else writeFileSync(file, content, "latin1");
      mkdirSync(join(at.home, "work", kept), { recursive: true });
      // the second time it was put aside already
      for (const time of [0, 1]) {
        const { deleted, unreadable } = await collectGarbage(at.store, false);
        assert.deepEqual(
          deleted.map(({ name }) => name),
          time === 0 ? [`work/${kept}`] : [],
        );
        assert.match(unreadable.join(), /roots\/dev\.\w+\/image%20a/);
        assert.deepEqual(stored(), [kept, unused].sort());
      }
      if (content === undefined) rmdirSync(file);
      await rootsOf(at.home, "dev").set("image a", { stage: "image", key, publishedAt });
      assert.deepEqual(names(await collectGarbage(at.store, false)), [`store/${unused}`]);
      assert.deepEqual(readdirSync(folder), [".owner.json", "image%20a"]);
    });
  }

  it("deletes no result while a stack's record says that it was released, and no root what it uses", async () => {
    const owner = ownerOf(at.home, "dev");
    await artifact("a", "dev");
    await writeStackRecord(at.home, owner, { engine: "pulumi", outputs: {}, finishedAt: "x" });
    const file = join(at.home, "stacks", `dev.${shortIdentity(owner)}.json`);
    const collected = async () => {
      const { deleted, unreadable } = await collectGarbage(at.store, true);
      return { unused: deleted.length, unreadable };
    };
    for (const lose of [() => undefined, () => rootsOf(at.home, "dev").dropAll()]) {
      await lose();
      assert.deepEqual(await collected(), { unused: 0, unreadable: [displayPath(file)] });
    }
    await markDestroyed(at.home, owner);
    assert.deepEqual(await collected(), { unused: 1, unreadable: [] });
    // what an earlier version noted does not tell whose it is, and stands beside roots of another name
    rmSync(file);
    writeFileSync(
      join(at.home, "stacks/dev.json"),
      '{"engine":"pulumi","outputs":{},"finishedAt":"x"}',
    );
    assert.deepEqual(await collected(), { unused: 1, unreadable: [] });
  });

  it("leaves alone and names what kragle did not make", async () => {
    const hex = "a".repeat(64);
    const used = await artifact("a", "dev");
    const foreign = [
      "bundles/notes",
      "failed/image-2",
      "refused/dev/photos",
      "store/photos",
      `store/image-${hex}`,
      `store/image-${hex}.bak`,
      "trash/mine",
      "verified/mine",
      "work/my-thesis",
    ];
    for (const name of foreign) {
      mkdirSync(join(at.home, name), { recursive: true });
      writeFileSync(join(at.home, name, "precious"), "x");
    }
    const { deleted, foreign: told } = await collectGarbage(at.store, false);
    assert.deepEqual(deleted, []);
    assert.deepEqual([...told].sort(), [...foreign].sort());
    for (const name of foreign) assert.ok(existsSync(join(at.home, name, "precious")), name);
    assert.ok(existsSync(join(at.home, "store", used)));
  });

  it("deletes what proofs told each other, and nothing beside it", async () => {
    await artifact("a", "dev");
    const folder = join(at.home, "refused/dev");
    mkdirSync(folder, { recursive: true });
    writeFileSync(join(folder, "smoke"), "a".repeat(64));
    writeFileSync(join(folder, "notes"), "mine");
    const { foreign } = await collectGarbage(at.store, false);
    assert.deepEqual(foreign, ["refused/dev/notes"]);
    assert.deepEqual(readdirSync(folder), ["notes"]);
    rmSync(join(folder, "notes"));
    writeFileSync(join(folder, "smoke"), "a".repeat(64));
    await collectGarbage(at.store, false);
    assert.ok(!existsSync(join(at.home, "refused")));
  });

  it("follows no link, neither in its folders nor in their place", async () => {
    const elsewhere = join(at.home, "../elsewhere");
    const name = `image-${"b".repeat(64)}`;
    mkdirSync(join(elsewhere, name), { recursive: true });
    writeFileSync(join(elsewhere, name, "manifest.json"), "{}");
    mkdirSync(join(at.home, "store"), { recursive: true });
    symlinkSync(join(elsewhere, name), join(at.home, "store", name));
    for (const part of ["work", "failed", "trash", "bundles", "verified"])
      symlinkSync(elsewhere, join(at.home, part));
    const { deleted, foreign } = await collectGarbage(at.store, false);
    assert.deepEqual(deleted, []);
    const told = ["bundles", "failed", `store/${name}`, "trash", "verified", "work"];
    assert.deepEqual([...foreign].sort(), told);
    assert.deepEqual(readdirSync(join(elsewhere, name)), ["manifest.json"]);
  });

  it("deletes a damaged artifact that nobody uses, and what was put aside", async () => {
    const name = await artifact("a");
    const manifest = join(at.home, "store", name, "manifest.json");
    chmodSync(manifest, 0o644);
    writeFileSync(manifest, "{");
    mkdirSync(join(at.home, "stacks"));
    const owner = ownerOf(at.home, "dev");
    writeFileSync(join(at.home, `stacks/dev.${shortIdentity(owner)}.json`), "{");
    assert.equal(await readStackRecord(at.home, owner), undefined);
    writeFileSync(join(at.home, "stacks/mine~"), "");
    assert.deepEqual(names(await collectGarbage(at.store, false)), [`store/${name}`]);
    assert.deepEqual(readdirSync(join(at.home, "stacks")), ["mine~"]);
  });

  it("never takes a stage's own lock file away", async () => {
    const release = await at.place.lockStage("image", stageKey(at.describe()), {});
    await release();
    const locks = readdirSync(join(at.home, "locks"));
    await collectGarbage(at.store, false);
    assert.deepEqual(readdirSync(join(at.home, "locks")).sort(), [...locks, "store"].sort());
  });
});
