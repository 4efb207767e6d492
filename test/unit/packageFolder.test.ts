import assert from "node:assert/strict";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  readdirSync,
  rmSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import * as fc from "fast-check";

import { packageCache } from "../../run/packageCache";
import { sha256 } from "../sha256";
import { TemporaryStore } from "../temporaryStore";
import { DEB, MIB, packageBuilds } from "./packageBuilds";
import { PackageProxies } from "./packageProxyProcess";

describe("the folder with the cache of packages", function () {
  this.timeout(120_000);
  const at = packageBuilds();
  const { build, kept } = at;

  it("writes files of its own names only, whatever it is asked for", async () => {
    const proxy = await build();
    const odd = fc.oneof(fc.string(), fc.constantFrom("..", "%2e%2e", "~", ".", "a;b", "'"));
    await fc.assert(
      fc.asyncProperty(fc.array(odd), async (parts) => {
        const path = encodeURI(`/${parts.join("/")}/x.deb`).replace(/[#?]/g, "%3F");
        at.mirror.files[path] = path;
        assert.equal((await proxy.get(at.mirror.at(path))).body, path);
      }),
      { numRuns: 60 },
    );
    const names = readdirSync(at.folder);
    assert.ok(names.length > 10);
    for (const name of names) assert.match(name, /^[\da-f]{64}\.[\da-f]{64}$/);
  });

  it("stays within its bounds: what was not used for longest goes first, and nothing of others", async () => {
    const content = (name: string) => name.repeat(300);
    for (const name of ["a", "b", "c", "d"]) at.mirror.files[`/${name}.deb`] = content(name);
    const others = ["mine.deb", `.${sha256("x")}~`, "sub"];
    writeFileSync(join(at.folder, others[0]!), "x".repeat(5000));
    writeFileSync(join(at.folder, others[1]!), "x");
    mkdirSync(join(at.folder, others[2]!));
    const age = (name: string, seconds: number) => {
      const file = kept().find((path) => path.endsWith(sha256(content(name))))!;
      utimesSync(file, 1e9 - seconds, 1e9 - seconds);
    };
    let proxy = await build(1000);
    for (const name of ["a", "b", "c"]) {
      await proxy.get(at.mirror.at(`/${name}.deb`));
      age(name, name.charCodeAt(0));
    }
    // used: c is the oldest of the others then
    proxy = await build(1000);
    await proxy.get(at.mirror.at("/c.deb"));
    await proxy.get(at.mirror.at("/d.deb"));
    const names = () =>
      kept().flatMap((path) =>
        ["a", "b", "c", "d"].filter((n) => path.endsWith(sha256(content(n)))),
      );
    assert.deepEqual(names().sort(), ["a", "c", "d"]);
    assert.ok(others.every((name) => existsSync(join(at.folder, name))));
    // a smaller bound counts from the next build on, and what does not fit at all is not kept
    proxy = await build(200);
    assert.deepEqual(names(), []);
    assert.equal((await proxy.get(at.mirror.at("/a.deb"))).body, content("a"));
    assert.deepEqual(names(), []);
    assert.ok(others.every((name) => existsSync(join(at.folder, name))));
  });

  it("leaves room on the disk, and serves where it can write nothing", async () => {
    const full = await build();
    const reserve = (bytes: string) =>
      at.proxies.evaluate(`setattr(package_cache, "RESERVE_BYTES", ${bytes})`);
    await reserve("2**62");
    assert.equal((await full.get(at.mirror.at(DEB))).body, "a package");
    await reserve("0");
    assert.deepEqual(readdirSync(at.folder), []);
    const lost = await build();
    rmSync(at.folder, { recursive: true });
    assert.equal((await lost.get(at.mirror.at(DEB))).body, "a package");
    const none = await build();
    assert.equal(none.port, null);
    const told = await at.proxies.evaluate("told[-1]");
    assert.match(told as string, /^packages: this machine's cache is not used: .*No such file/);
    assert.equal((await build(0)).port, null);
    mkdirSync(at.folder);
  });

  it("is safe with several builds at once, and with one that is killed", async () => {
    const large = "x".repeat(300_000);
    at.mirror.files[DEB] = large;
    const builds = await Promise.all([1, 2, 3].map(() => build()));
    const answers = await Promise.all(
      builds.flatMap((proxy) => [1, 2, 3].map(() => proxy.get(at.mirror.at(DEB)))),
    );
    for (const { body } of answers) assert.equal(body, large);
    assert.equal(kept().length, 1);

    let begun = () => {};
    const writing = new Promise<void>((resolve) => (begun = resolve));
    at.mirror.files["/slow.deb"] = (_, answer) => {
      answer.writeHead(200, { "content-length": 9 }).write("text");
      setTimeout(begun, 300);
    };
    const other = new PackageProxies();
    const asked = (await other.build(at.folder, MIB)).get(at.mirror.at("/slow.deb"));
    await Promise.all([assert.rejects(asked), writing.then(() => other.kill())]);
    const draft = readdirSync(at.folder).find((name) => name.startsWith("."))!;
    assert.match(draft, /^\.[\da-f-]{36}~$/);
    await build();
    assert.ok(existsSync(join(at.folder, draft)), "another build may be writing it");
    utimesSync(join(at.folder, draft), 1e9, 1e9);
    await build();
    assert.ok(!existsSync(join(at.folder, draft)));
    assert.ok(lstatSync(kept()[0]!).isFile());
  });
});

describe("a stage, of the folder with the cache of packages,", () => {
  let at: TemporaryStore;
  beforeEach(() => (at = new TemporaryStore()));
  afterEach(() => at.remove());

  async function asked(bytes: number) {
    const told: string[] = [];
    const detail = (line: string) => told.push(line);
    const request = { packageCache: bytes };
    return { ...(await packageCache({ request, store: at.store, detail })), told };
  }
  const folder = () => join(at.home, "packages");

  it("makes it for its container, unless the cache is off", async () => {
    assert.deepEqual(await asked(0), { bytes: 0, caches: {}, told: [] });
    assert.ok(!existsSync(folder()));
    const here = { bytes: MIB, caches: { "/packages": "packages" }, told: [] };
    for (const time of ["first", "second"]) assert.deepEqual(await asked(MIB), here, time);
    assert.ok(lstatSync(folder()).isDirectory());
  });

  it("says that it goes on without where something else has its name", async () => {
    writeFileSync(folder(), "mine");
    const { told, ...found } = await asked(MIB);
    assert.deepEqual(found, { bytes: 0, caches: {} });
    assert.match(
      told.join(),
      /^packages: this machine's cache is not used: .*packages is no folder/,
    );
  });
});
