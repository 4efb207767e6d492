import assert from "node:assert/strict";
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { join } from "node:path";

import { sha256 } from "../sha256";
import { DEB, packageBuilds } from "./packageBuilds";

describe("the cache of packages", function () {
  this.timeout(120_000);
  const at = packageBuilds();
  const { build, got, kept } = at;

  it("gives a later build what an earlier one has downloaded, and both count it", async () => {
    const [first, second] = [await build(), await build()];
    for (const proxy of [first, second]) {
      assert.deepEqual(await proxy.get(at.mirror.at(DEB)), { status: 200, body: "a package" });
    }
    assert.deepEqual(at.mirror.asked, [DEB]);
    assert.deepEqual(readdirSync(at.folder), [
      `${sha256(at.mirror.at(DEB))}.${sha256("a package")}`,
    ]);
    const told = (cached: number) => [
      `packages: ${cached} of 1 from this machine's cache, 0.0 MiB`,
    ];
    assert.deepEqual([await first.end(), await second.end()], [told(0), told(1)]);
  });

  it("keeps an index whose address says what it is, where it is that", async () => {
    const [right, wrong] = ["right", "wrong"].map((text) => `/by-hash/SHA256/${sha256(text)}`);
    Object.assign(at.mirror.files, { [right!]: "right", [wrong!]: "another" });
    for (const path of [right!, wrong!, right!, wrong!]) await got(path);
    assert.deepEqual(at.mirror.asked, [right, wrong, wrong]);
  });

  const DAMAGE: Readonly<Record<string, (file: string) => void>> = {
    cut: (file) => truncateSync(file, 4),
    emptied: (file) => truncateSync(file),
    longer: (file) => writeFileSync(file, "a package and more"),
    another: (file) => writeFileSync(file, "A package"),
    gone: (file) => rmSync(file),
  };
  for (const [what, damage] of Object.entries(DAMAGE)) {
    it(`downloads again what is ${what}`, async () => {
      await got();
      damage(kept()[0]!);
      assert.equal(await got(), "a package");
      assert.equal(await got(), "a package");
      assert.equal(at.mirror.asked.length, 2);
    });
  }

  it("goes on where something that is no file has a file's name", async () => {
    await got();
    const [file] = kept();
    const elsewhere = join(at.folder, "mine");
    writeFileSync(elsewhere, "a package");
    for (const put of [() => symlinkSync(elsewhere, file!), () => mkdirSync(file!)]) {
      rmSync(file!, { recursive: true });
      put();
      assert.equal(await got(), "a package");
    }
    assert.equal(readFileSync(elsewhere, "utf8"), "a package");
    assert.equal(at.mirror.asked.length, 3);
  });

  it("gives a forged file once: what is asked for again comes from the mirror, and stays", async () => {
    const forged = join(at.folder, `${sha256(at.mirror.at(DEB))}.${sha256("forged")}`);
    writeFileSync(forged, "forged");
    const proxy = await build();
    // the package manager, which knows better, refuses it
    assert.equal((await proxy.get(at.mirror.at(DEB))).body, "forged");
    assert.equal((await proxy.get(at.mirror.at(DEB))).body, "a package");
    assert.ok(!existsSync(forged));
    assert.equal(await got(), "a package");
    assert.equal(at.mirror.asked.length, 1);
  });

  it("deletes what was given since a step began that was refused something, and gives all once more to another guest", async () => {
    at.mirror.files["/other.deb"] = "other";
    const proxy = await build();
    await proxy.get(at.mirror.at("/other.deb"));
    const [other] = readdirSync(at.folder);
    const began = await at.proxies.evaluate("package_proxy.time.monotonic()");
    await proxy.get(at.mirror.at(DEB));
    await proxy.evaluate("start_anew()");
    await proxy.get(at.mirror.at(DEB));
    assert.deepEqual(at.mirror.asked, ["/other.deb", DEB]);
    await proxy.evaluate(`forget_since(${began as number})`);
    assert.deepEqual(readdirSync(at.folder), [other]);
  });

  it("keeps nothing that may not be everybody's, or not whole", async () => {
    const path = "/a.rpm";
    const send = (headers: Record<string, string | number>, body = "text") => {
      at.mirror.files[path] = (_, answer) => answer.writeHead(200, headers).end(body);
    };
    const whole = { "content-length": 4 };
    for (const headers of [
      { ...whole, "cache-control": "max-age=1, No-Store" },
      { ...whole, "cache-control": "private" },
      { ...whole, "content-encoding": "gzip" },
      {},
    ]) {
      send(headers);
      assert.equal(await got(path), "text");
    }
    send(whole);
    for (const headers of [
      { authorization: "Basic dTpw" },
      { range: "bytes=0-" },
      { cookie: "a=b" },
    ]) {
      assert.equal(await got(path, headers), "text");
    }
    const proxy = await build();
    await proxy.get(at.mirror.at(path, "u:p@127.0.0.1"));
    at.mirror.files[path] = (_, answer) => {
      answer.writeHead(200, { "content-length": 9 }).write("text");
      setTimeout(() => answer.destroy(), 50);
    };
    await assert.rejects(proxy.get(at.mirror.at(path)));
    assert.deepEqual(readdirSync(at.folder), []);
  });
});
