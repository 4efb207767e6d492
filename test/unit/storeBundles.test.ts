import assert from "node:assert/strict";
import {
  chmodSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";

import { StageFailure } from "../../host/failure";
import { contentDigest, readContent } from "../../host/fileDigest";
import { type BundleFile, bundlesFolder, makeBundle } from "../../store/bundles";
import { collectGarbage } from "../../store/gc";
import { Workplace } from "../../store/workplace";
import { TemporaryStore } from "../temporaryStore";

describe("a bundle", () => {
  let at: TemporaryStore;
  let folder: string;
  let umask: number;
  beforeEach(() => {
    umask = process.umask(0o077);
    at = new TemporaryStore();
    folder = mkdtempSync(join(tmpdir(), "kragle bündle "));
    write("run.py", "print()", 0o700);
    mkdirSync(join(folder, "deep"));
    write("deep/data", "x", 0o600);
    symlinkSync("deep/data", join(folder, "link"));
  });
  afterEach(() => {
    process.umask(umask);
    at.remove();
    rmSync(folder, { recursive: true });
  });

  function write(name: string, text: string, mode: number): void {
    writeFileSync(join(folder, name), text);
    chmodSync(join(folder, name), mode);
  }
  const file = (name: string, place = name): BundleFile => ({
    at: place,
    source: join(folder, name),
    digest: contentDigest(readContent(join(folder, name))),
  });
  const files = () => [file("run.py"), file("link", "sub/dir/linked"), file("deep/data")];
  const make = (of = files()) => makeBundle(new Workplace(at.home), of);

  it("holds the files as they are, without links, readable by everybody but out of their reach", async () => {
    const bundle = await make();
    const mode = (name: string) => statSync(join(bundle, name)).mode & 0o777;
    assert.deepEqual(
      ["run.py", "sub/dir/linked", "deep/data", ".", "sub", "sub/dir"].map(mode),
      [0o755, 0o644, 0o644, 0o755, 0o755, 0o755],
    );
    assert.equal(mode(".."), 0o700);
    assert.equal(readFileSync(join(bundle, "sub/dir/linked"), "utf8"), "x");
    assert.deepEqual(readdirSync(bundlesFolder(at.home)), [basename(bundle)]);
  });

  it("is named by its content: names, texts and who may be executed", async () => {
    const first = await make();
    assert.equal(await make(), first);
    assert.equal(await make(files().reverse()), first);
    const others = [await make([file("run.py")]), await make([file("run.py", "other.py")])];
    chmodSync(join(folder, "run.py"), 0o600);
    others.push(await make([file("run.py")]));
    write("run.py", "print(1)", 0o600);
    others.push(await make([file("run.py")]));
    assert.equal(new Set([first, ...others]).size, 5);
  });

  it("stays what it was when the checkout changes, and is refused for a plan from before", async () => {
    const before = files();
    const bundle = await make();
    write("run.py", "print(2)", 0o700);
    assert.equal(readFileSync(join(bundle, "run.py"), "utf8"), "print()");
    const refused = (what: string) =>
      assert.rejects(make(before), (error: unknown) => {
        assert.ok(error instanceof StageFailure);
        const message = new RegExp(`run\\.py was ${what} after this run had been planned$`);
        assert.match(error.message, message);
        assert.match(error.details.hint!, /run the same command again/);
        return true;
      });
    await refused("changed");
    rmSync(join(folder, "run.py"));
    await refused("deleted");
    write("run.py", "print(2)", 0o700);
    assert.notEqual(await make([{ at: "run.py", source: join(folder, "run.py") }]), bundle);
  });

  it("is made again where it is not whole", async () => {
    for (const damage of [
      (bundle: string) => writeFileSync(join(bundle, "run.py"), ""),
      (bundle: string) => rmSync(join(bundle, "deep"), { recursive: true }),
      (bundle: string) => writeFileSync(join(bundle, "more"), ""),
      (bundle: string) => chmodSync(join(bundle, "run.py"), 0o644),
    ]) {
      const bundle = await make();
      damage(bundle);
      assert.equal(await make(), bundle);
      assert.deepEqual(readdirSync(bundle).sort(), ["deep", "run.py", "sub"]);
      assert.equal(readFileSync(join(bundle, "run.py"), "utf8"), "print()");
      assert.equal(statSync(join(bundle, "run.py")).mode & 0o111, 0o111);
    }
  });

  it("is made once by many at a time", async () => {
    const made = await Promise.all(Array.from({ length: 8 }, () => make()));
    assert.equal(new Set(made).size, 1);
    assert.deepEqual(readdirSync(bundlesFolder(at.home)), [basename(made[0]!)]);
    assert.deepEqual(readdirSync(made[0]!).sort(), ["deep", "run.py", "sub"]);
  });

  it("is no garbage that is told, and goes with it", async () => {
    await make();
    assert.deepEqual((await collectGarbage(at.store, true)).deleted, []);
    assert.equal(readdirSync(bundlesFolder(at.home)).length, 1);
    assert.deepEqual((await collectGarbage(at.store, false)).deleted, []);
    assert.ok(!readdirSync(at.home).includes("bundles"));
  });
});
