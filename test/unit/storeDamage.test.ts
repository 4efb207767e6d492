import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  chmodSync,
  cpSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  statSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import fc from "fast-check";

import { stageKey } from "../../plan/description";
import { encodeManifest, type Manifest } from "../../store/manifest";
import { Store } from "../../store/store";
import { OLD, TemporaryStore } from "../temporaryStore";

const CONTENT = "an image ".repeat(1000);
const ALTERED = "image.qcow2 is missing or altered";

describe("store: damage", () => {
  let at: TemporaryStore;
  let folder: string;
  let file: string;
  beforeEach(async () => {
    at = new TemporaryStore();
    ({ folder } = await at.publish({ "image.qcow2": CONTENT, "sub/small": "x" }));
    file = join(folder, "image.qcow2");
    chmodSync(file, 0o644);
    assert.equal(await at.state(), "present");
  });
  afterEach(() => at.remove());

  it("is a file that is shorter, longer, empty or gone", async () => {
    for (const content of [CONTENT.slice(1), `${CONTENT}x`, ""]) {
      writeFileSync(file, content);
      assert.equal(await at.state(), ALTERED);
    }
    rmSync(file);
    assert.equal(await at.state(), ALTERED);
  });

  it("is a shorter file that was given its time back", async () => {
    writeFileSync(file, CONTENT.slice(1));
    utimesSync(file, OLD, OLD);
    assert.equal(await at.state(), ALTERED);
  });

  it("is one changed byte in a file of the same size", async () => {
    writeFileSync(file, `X${CONTENT.slice(1)}`);
    assert.equal(await at.state(), ALTERED);
  });

  it("is a changed byte in a copy that has the recorded size and time", async () => {
    writeFileSync(`${file}.copy`, `X${CONTENT.slice(1)}`);
    utimesSync(`${file}.copy`, OLD, OLD);
    renameSync(`${file}.copy`, file);
    assert.equal(await at.state(), ALTERED);
  });

  it("is a folder in the place of a file", async () => {
    const { size } = statSync(folder);
    rmSync(file);
    mkdirSync(file);
    assert.equal(await at.state(), ALTERED);
    // a folder of just the recorded size
    const other = at.describe("b");
    const { folder: second } = await at.publish({ "image.qcow2": "x".repeat(size) }, other);
    rmSync(join(second, "image.qcow2"), { force: true });
    mkdirSync(join(second, "image.qcow2"));
    assert.equal(await at.state(other), ALTERED);
  });

  it("is a missing subfolder", async () => {
    renameSync(join(folder, "sub"), join(folder, "sub2"));
    assert.equal(await at.state(), "sub/small is missing or altered");
  });

  it("is not a touched file, a copy of it, or other permissions", async () => {
    utimesSync(file, 1, 1);
    assert.equal(await at.state(), "present");
    cpSync(file, `${file}.copy`);
    renameSync(`${file}.copy`, file);
    assert.equal(await at.state(), "present");
    chmodSync(file, 0o600);
    assert.equal(await at.state(), "present");
  });

  it("is not a store that was moved or copied to another disk", async () => {
    const moved = new TemporaryStore();
    cpSync(join(at.home, "store"), join(moved.home, "store"), { recursive: true });
    assert.equal(await moved.state(), "present");
    moved.remove();
  });

  describe("of the manifest", () => {
    const manifest = () => join(folder, "manifest.json");
    const rewrite = (text: string) => {
      chmodSync(manifest(), 0o644);
      writeFileSync(manifest(), text);
    };
    const read = () =>
      JSON.parse(readFileSync(manifest(), "utf8")) as Manifest & { digest: string };

    it("is its absence", async () => {
      rmSync(manifest());
      assert.match(await at.state(), /^manifest: it is missing$/);
    });

    const texts: [string, (text: string) => string][] = [
      ["emptiness", () => ""],
      ["half of it", (text) => text.slice(0, text.length / 2)],
      ["another kind of JSON", () => "[]"],
      ["JSON null", () => "null"],
      ["an empty object", () => "{}"],
      ["a lost digest", (text) => text.replace(/"digest": "[0-9a-f]{64}",/, "")],
    ];
    for (const [what, change] of texts) {
      it(`is ${what}`, async () => {
        rewrite(change(readFileSync(manifest(), "utf8")));
        // in one line, whatever a schema has to say about it
        assert.match(await at.state(), /^manifest: .+$/);
      });
    }

    it("is a pipe in its place, which nobody writes to", async () => {
      rmSync(manifest());
      execFileSync("mkfifo", [manifest()]);
      assert.match(await at.state(), /^manifest: it is missing$/);
      rmSync(file);
      execFileSync("mkfifo", [file]);
    });

    it("is whatever else its bytes are, in one line and without a trace", async () => {
      const whole = readFileSync(manifest());
      const content = fc.oneof(
        fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
        fc.nat(whole.length - 3).map((at) => whole.subarray(0, at)),
        fc.json().map((text) => Buffer.from(text)),
      );
      chmodSync(manifest(), 0o644);
      await fc.assert(
        fc.asyncProperty(content, async (bytes) => {
          writeFileSync(manifest(), bytes);
          assert.match(await at.state(), /^manifest: .+$/);
          assert.deepEqual(await at.store.manifests("image"), []);
          assert.ok(statSync(file).size === CONTENT.length);
        }),
        { numRuns: 100 },
      );
    });

    const fields: [string, (manifest: ReturnType<typeof read>) => void][] = [
      ["a file's digest", (m) => (m.files[0]!.sha256 = "0".repeat(64))],
      ["a file's size", (m) => (m.files[0]!.bytes += 1)],
      ["a file's inode", (m) => (m.files[0]!.inode = "1")],
      ["a file's name", (m) => (m.files[0]!.path = "sub/small")],
      ["a file less", (m) => m.files.pop()],
      ["the result", (m) => (m.result.size = 9)],
      ["the time of publication", (m) => (m.publishedAt = "2026-01-01T00:00:00.000Z")],
      ["the key", (m) => (m.key = "0".repeat(64))],
      ["the description", (m) => ((m.description.inputs as Record<string, string>).variant = "b")],
      ["another format of manifests", (m) => ((m as { format: number }).format = 2)],
    ];
    for (const [what, change] of fields) {
      it(`is ${what}`, async () => {
        const altered = read();
        change(altered);
        rewrite(JSON.stringify(altered));
        assert.match(await at.state(), /^manifest: /);
      });
    }

    it("is not another layout of the same JSON", async () => {
      const { digest, ...rest } = read();
      rewrite(JSON.stringify({ ...rest, digest }));
      assert.equal(await at.state(), "present");
    });

    it("is an artifact that lies under the name of another", async () => {
      const other = at.describe("b");
      cpSync(folder, at.store.folder("image", stageKey(other)), { recursive: true });
      assert.match(await at.state(other), /^manifest: /);
    });

    it("keeps it out of the list of manifests, and is told where the artifact is needed", async () => {
      rewrite("{}");
      assert.deepEqual(await at.store.manifests("image"), []);
      await assert.rejects(
        at.store.artifact("image", stageKey(at.describe())),
        /^Error: the result of stage image is damaged \(manifest: .*\); run the command again to rebuild it$/s,
      );
    });

    it("is noticed in a manifest that says it was written by itself", async () => {
      const { digest: _, ...rest } = read();
      rest.files[0]!.sha256 = "0".repeat(64);
      rewrite(encodeManifest(rest));
      utimesSync(file, 1, 1);
      assert.equal(await at.state(), ALTERED);
    });
  });

  it("is told from a copy, which is read once", async () => {
    utimesSync(file, 1, 1);
    assert.equal(await at.state(), "present");
    const [note] = readdirSync(join(at.home, "verified"));
    const remembered = statSync(join(at.home, "verified", note!), { bigint: true }).mtimeNs;
    assert.equal(await at.state(), "present");
    const again = statSync(join(at.home, "verified", note!), { bigint: true }).mtimeNs;
    assert.equal(again, remembered, "the file was read again");
    writeFileSync(file, CONTENT.toUpperCase());
    assert.equal(await at.state(), ALTERED);
  });

  it("of a released file is looked for in the project that asks", async () => {
    const release = at.describe("r", "release");
    const mine = join(at.home, "..");
    writeFileSync(join(mine, "released"), "released");
    await at.publish({}, release, { external: [{ path: "released" }] });
    assert.equal(await at.state(release), "present");
    const other = new Store(at.home, join(mine, "other"));
    const found = await other.lookup("release", stageKey(release));
    assert.deepEqual(found, { state: "damaged", reason: "released is missing or altered" });
    mkdirSync(join(mine, "other"));
    writeFileSync(join(mine, "other/released"), "released");
    assert.equal((await other.lookup("release", stageKey(release))).state, "present");
  });

  it("of a file outside of the store counts as well", async () => {
    const path = join(at.home, "released image");
    const release = at.describe("r", "release");
    writeFileSync(path, "released");
    await at.publish({}, release, { external: [{ path }] });
    assert.equal(await at.state(release), "present");
    writeFileSync(path, "RELEASED");
    assert.equal(await at.state(release), `${path} is missing or altered`);
    rmSync(path);
    assert.equal(await at.state(release), `${path} is missing or altered`);
  });
});
