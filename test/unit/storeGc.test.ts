import assert from "node:assert/strict";
import { existsSync, mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { stageKey } from "../../plan/description";
import { collectGarbage } from "../../store/gc";
import { LockHeld } from "../../host/lock";
import { Roots } from "../../store/roots";
import { TemporaryStore } from "../temporaryStore";

describe("store: garbage collection", () => {
  let at: TemporaryStore;
  let roots: Roots;
  beforeEach(() => {
    at = new TemporaryStore();
    roots = new Roots(at.home);
  });
  afterEach(() => at.remove());

  /** Publishes an artifact; with a stack, also as one that it uses. */
  async function artifact(variant: string, stack?: string): Promise<string> {
    const { key, manifest } = await at.publish(
      { file: variant.repeat(10_000) },
      at.describe(variant),
    );
    const { publishedAt } = manifest;
    if (stack) await roots.set(stack, `image ${variant}`, { stage: "image", key, publishedAt });
    return `image-${key}`;
  }

  const stored = () => readdirSync(join(at.home, "store")).sort();
  const names = (collected: { deleted: readonly { name: string }[] }) =>
    collected.deleted.map(({ name }) => name).sort();

  it("of a new store does nothing", async () => {
    assert.deepEqual(await collectGarbage(at.store, false), { deleted: [], kept: {} });
  });

  it("deletes what no stack uses, keeps what any stack uses, and says both", async () => {
    const used = [await artifact("a", "dev"), await artifact("b", "gone for good")];
    const unused = [await artifact("c"), await artifact("d")].sort();
    const collected = await collectGarbage(at.store, false);
    assert.deepEqual(
      names(collected),
      unused.map((name) => `store/${name}`),
    );
    assert.deepEqual(collected.kept, { dev: 1, "gone for good": 1 });
    for (const { bytes } of collected.deleted) assert.ok(bytes >= 10_000, `${bytes} bytes`);
    assert.deepEqual(stored(), used.sort());
    assert.equal(await at.state(at.describe("a")), "present");
    assert.deepEqual((await collectGarbage(at.store, false)).deleted, []);
  });

  it("keeps what one stack dropped and another one uses", async () => {
    const shared = await artifact("a", "dev");
    await artifact("a", "prod");
    await roots.dropStack("dev");
    await collectGarbage(at.store, false);
    assert.deepEqual(stored(), [shared]);
    await roots.dropStack("prod");
    await collectGarbage(at.store, false);
    assert.deepEqual(stored(), []);
  });

  it("keeps what stacks with odd names use", async () => {
    const used = [];
    for (const stack of ["~", "a~", "..", "ö/ü", "%41"]) used.push(await artifact(stack, stack));
    const { deleted, kept } = await collectGarbage(at.store, false);
    assert.deepEqual(deleted, []);
    assert.deepEqual(
      Object.values(kept),
      used.map(() => 1),
    );
    assert.deepEqual(stored(), used.sort());
  });

  it("deletes unfinished work, evidence of failures and what an interrupted deletion left", async () => {
    const used = await artifact("a", "dev");
    for (const folder of [`work/${used}`, "failed/image-2", "trash/x"]) {
      mkdirSync(join(at.home, folder, "sub"), { recursive: true });
      writeFileSync(join(at.home, folder, "sub/file"), "x");
    }
    const collected = await collectGarbage(at.store, false);
    assert.deepEqual(names(collected), ["failed/image-2", "trash/x", `work/${used}`]);
    for (const place of ["work", "failed", "trash"]) {
      assert.deepEqual(readdirSync(join(at.home, place)), []);
    }
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

  it("deletes nothing where one root cannot be read", async () => {
    const name = await artifact("a");
    mkdirSync(join(at.home, "roots/dev/image"), { recursive: true });
    await assert.rejects(collectGarbage(at.store, false));
    assert.deepEqual(stored(), [name]);
  });

  it("deletes nothing where one root is not what it should be", async () => {
    const name = await artifact("a");
    mkdirSync(join(at.home, "roots/dev"), { recursive: true });
    writeFileSync(join(at.home, "roots/dev/image"), '{"stage": "image", "ke');
    await assert.rejects(collectGarbage(at.store, false));
    assert.deepEqual(stored(), [name]);
  });

  it("never takes a stage's own lock file away", async () => {
    const release = await at.place.lockStage("image", stageKey(at.describe()), {});
    await release();
    const locks = readdirSync(join(at.home, "locks"));
    await collectGarbage(at.store, false);
    assert.deepEqual(readdirSync(join(at.home, "locks")).sort(), [...locks, "store"].sort());
  });
});
