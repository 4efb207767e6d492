import assert from "node:assert/strict";
import {
  chmodSync,
  existsSync,
  linkSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  statSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import { stageKey } from "../../plan/description";
import { Store } from "../../store/store";
import { TemporaryStore } from "../temporaryStore";
import { sha256 } from "../sha256";

const modeOf = (path: string) => (statSync(path).mode & 0o7777).toString(8);

describe("store: publish", () => {
  let at: TemporaryStore;
  beforeEach(() => {
    at = new TemporaryStore();
  });
  afterEach(() => at.remove());

  it("makes an artifact with its digests, found by every later look", async () => {
    const before = new Date().toISOString();
    const { folder, key, manifest } = await at.publish({ "image.qcow2": "an image", "b/ö x": "" });
    assert.equal(folder, join(at.home, "store", `image-${key}`));
    assert.equal(key, stageKey(at.describe()));
    assert.deepEqual(
      manifest.files.map(({ path, bytes, sha256 }) => ({ path, bytes, sha256 })),
      [
        { path: "b/ö x", bytes: 0, sha256: sha256("") },
        { path: "image.qcow2", bytes: 8, sha256: sha256("an image") },
      ],
    );
    assert.ok(manifest.publishedAt >= before && manifest.publishedAt <= new Date().toISOString());
    const found = await new Store(at.home).lookup("image", key);
    assert.deepEqual(found, { state: "present", manifest });
    assert.deepEqual(await at.store.artifact("image", key), { folder, manifest });
    assert.deepEqual(await at.store.manifests("image"), [manifest]);
  });

  it("leaves neither work nor trash behind", async () => {
    const { key } = await at.publish();
    assert.equal(existsSync(at.place.workFolder("image", key)), false);
    assert.deepEqual(readdirSync(at.home).sort(), ["id", "kragle-home.json", "store", "work"]);
    assert.deepEqual(readdirSync(join(at.home, "work")), []);
  });

  it("shows nothing under the final name before the rename", async () => {
    at.work({ "image.qcow2": "half an im" });
    assert.equal(await at.state(), "missing");
    await assert.rejects(at.store.artifact("image", stageKey(at.describe())), {
      message: "the result of stage image is not in the store; run the command again to rebuild it",
    });
    assert.equal(existsSync(join(at.home, "store")), false);
  });

  it("that fails midway leaves the artifact that was there", async () => {
    const { key, manifest } = await at.publish();
    at.work({ "image.qcow2": "another image" });
    const missing = [{ path: join(at.home, "nowhere") }];
    const again = { ...manifest, result: {} };
    await assert.rejects(at.store.publish("image", key, { manifest: again, external: missing }));
    assert.equal(await at.state(), "present");
    assert.equal(
      (await at.store.artifact("image", key)).manifest.publishedAt,
      manifest.publishedAt,
    );
  });

  it("replaces a damaged artifact as a whole", async () => {
    const { folder } = await at.publish({ "image.qcow2": "an image", "old.txt": "of before" });
    chmodSync(join(folder, "image.qcow2"), 0o644);
    truncateSync(join(folder, "image.qcow2"), 3);
    assert.equal(await at.state(), "image.qcow2 is missing or altered");
    await at.publish({ "image.qcow2": "an image" });
    assert.equal(await at.state(), "present");
    assert.deepEqual(readdirSync(folder).sort(), ["image.qcow2", "manifest.json"]);
    assert.deepEqual(readdirSync(join(at.home, "trash")), []);
  });

  it("ignores a manifest that a stage or an earlier try left in the work folder", async () => {
    at.work({ "manifest.json": "{ half" });
    const { manifest } = await at.publish();
    assert.deepEqual(
      manifest.files.map(({ path }) => path),
      ["image.qcow2"],
    );
    assert.equal(await at.state(), "present");
  });

  it("takes logs along as evidence, not as content", async () => {
    const { folder, manifest } = await at.publish({
      "image.qcow2": "x",
      "logs/stage.log": "hello",
    });
    assert.deepEqual(
      manifest.files.map(({ path }) => path),
      ["image.qcow2"],
    );
    assert.equal(readFileSync(join(folder, "logs/stage.log"), "utf8"), "hello");
    writeFileSync(join(folder, "logs/more.log"), "x");
    assert.equal(await at.state(), "present");
  });

  it("makes results readable for containers and writable for nobody, logs for their owner, whatever the umask", async () => {
    const before = process.umask(0o077);
    try {
      const { folder } = await at.publish({
        "image.qcow2": "x",
        "a/b/file": "y",
        "logs/x.log": "",
      });
      const names = [
        "",
        "image.qcow2",
        "a",
        "a/b",
        "a/b/file",
        "logs",
        "logs/x.log",
        "manifest.json",
      ];
      assert.deepEqual(
        names.map((name) => `${name} ${modeOf(join(folder, name))}`),
        [
          ...[" 755", "image.qcow2 444", "a 755", "a/b 755", "a/b/file 444"],
          ...["logs 700", "logs/x.log 600", "manifest.json 444"],
        ],
      );
    } finally {
      process.umask(before);
    }
  });

  it("records an empty file, and a file with holes by what it occupies", async () => {
    at.work({ "image.qcow2": "" });
    truncateSync(join(at.work({}), "image.qcow2"), 64 * 2 ** 20);
    const { manifest } = await at.publish({ empty: "" });
    const [empty, image] = manifest.files;
    assert.deepEqual([empty?.bytes, empty?.allocatedBytes], [0, 0]);
    assert.equal(image?.bytes, 64 * 2 ** 20);
    assert.ok(image.allocatedBytes < 2 ** 20, `${image.allocatedBytes} bytes occupied`);
  });

  it("has one id for each store, kept for good", () => {
    const id = /^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[0-9a-f]{4}-[0-9a-f]{12}$/;
    assert.match(at.store.id, id);
    assert.equal(new Store(at.home).id, at.store.id);
    const other = new TemporaryStore();
    assert.notEqual(other.store.id, at.store.id);
    other.remove();
  });

  it("does not follow a link that a stage left out of its folder", async () => {
    const outside = join(at.home, "outside");
    mkdirSync(outside);
    writeFileSync(join(outside, "secret"), "x", { mode: 0o600 });
    symlinkSync(outside, join(at.work({ "image.qcow2": "x" }), "link"));
    await at.publish();
    assert.equal(modeOf(join(outside, "secret")), "600");
  });

  it("notices what is written through another link of a file", async () => {
    const work = at.work({ "image.qcow2": "x" });
    const twin = join(at.home, "twin");
    linkSync(join(work, "image.qcow2"), twin);
    await at.store.publish("image", stageKey(at.describe()), { manifest: at.manifest() });
    chmodSync(twin, 0o644);
    writeFileSync(twin, "y");
    assert.equal(await at.state(), "image.qcow2 is missing or altered");
  });
});
