import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import {
  existsSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  truncateSync,
  utimesSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import * as fc from "fast-check";

import { Mirror, PackageProxies, type PackageProxy } from "./packageProxyProcess";

const sha256 = (text: string) => createHash("sha256").update(text).digest("hex");
const DEB = "/debian/pool/main/h/hello/hello_2.10-3_amd64.deb";
const MIB = 2 ** 20;

describe("the cache of packages", function () {
  this.timeout(120_000);
  let folder: string;
  let mirror: Mirror;
  let proxies: PackageProxies;
  before(() => (proxies = new PackageProxies()));
  after(() => proxies.kill());
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "kragle packages "));
    mirror = new Mirror();
    await mirror.start();
    mirror.files[DEB] = "a package";
  });
  afterEach(() => {
    mirror.stop();
    rmSync(folder, { recursive: true, force: true });
  });

  /** A build, which has a proxy of its own. */
  const build = (bytes = MIB, environment = {}): Promise<PackageProxy> =>
    proxies.build(folder, bytes, environment);
  /** What a build of its own gets. */
  async function got(path = DEB, headers = {}): Promise<string> {
    const proxy = await build();
    return (await proxy.get(mirror.at(path), headers)).body;
  }
  const kept = () => readdirSync(folder).map((name) => join(folder, name));

  it("gives a later build what an earlier one has downloaded, and both count it", async () => {
    const [first, second] = [await build(), await build()];
    for (const proxy of [first, second]) {
      assert.deepEqual(await proxy.get(mirror.at(DEB)), { status: 200, body: "a package" });
    }
    assert.deepEqual(mirror.asked, [DEB]);
    assert.deepEqual(readdirSync(folder), [`${sha256(mirror.at(DEB))}.${sha256("a package")}`]);
    const told = (cached: number) => [
      `packages: ${cached} of 1 from this machine's cache, 0.0 MiB`,
    ];
    assert.deepEqual([await first.end(), await second.end()], [told(0), told(1)]);
  });

  it("passes on what changes under its address, and what is no file", async () => {
    mirror.files["/dists/InRelease"] = "Monday";
    assert.equal(await got("/dists/InRelease"), "Monday");
    mirror.files["/dists/InRelease"] = "Tuesday";
    assert.equal(await got("/dists/InRelease"), "Tuesday");
    const proxy = await build();
    assert.equal((await proxy.get(mirror.at("/gone.deb"))).status, 404);
    assert.equal((await proxy.get(mirror.at(DEB), {}, "HEAD")).body, "");
    assert.deepEqual(readdirSync(folder), []);
  });

  it("keeps an index whose address says what it is, where it is that", async () => {
    const [right, wrong] = ["right", "wrong"].map((text) => `/by-hash/SHA256/${sha256(text)}`);
    Object.assign(mirror.files, { [right!]: "right", [wrong!]: "another" });
    for (const path of [right!, wrong!, right!, wrong!]) await got(path);
    assert.deepEqual(mirror.asked, [right, wrong, wrong]);
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
      assert.equal(mirror.asked.length, 2);
    });
  }

  it("goes on where something that is no file has a file's name", async () => {
    await got();
    const [file] = kept();
    const elsewhere = join(folder, "mine");
    writeFileSync(elsewhere, "a package");
    for (const put of [() => symlinkSync(elsewhere, file!), () => mkdirSync(file!)]) {
      rmSync(file!, { recursive: true });
      put();
      assert.equal(await got(), "a package");
    }
    assert.equal(readFileSync(elsewhere, "utf8"), "a package");
    assert.equal(mirror.asked.length, 3);
  });

  it("gives a forged file once: what is asked for again comes from the mirror, and stays", async () => {
    const forged = join(folder, `${sha256(mirror.at(DEB))}.${sha256("forged")}`);
    writeFileSync(forged, "forged");
    const proxy = await build();
    // the package manager, which knows better, refuses it
    assert.equal((await proxy.get(mirror.at(DEB))).body, "forged");
    assert.equal((await proxy.get(mirror.at(DEB))).body, "a package");
    assert.ok(!existsSync(forged));
    assert.equal(await got(), "a package");
    assert.equal(mirror.asked.length, 1);
  });

  it("deletes what was given since a step began that was refused something, and gives all once more to another guest", async () => {
    mirror.files["/other.deb"] = "other";
    const proxy = await build();
    await proxy.get(mirror.at("/other.deb"));
    const [other] = readdirSync(folder);
    const began = await proxies.evaluate("package_proxy.time.monotonic()");
    await proxy.get(mirror.at(DEB));
    await proxy.evaluate("start_anew()");
    await proxy.get(mirror.at(DEB));
    assert.deepEqual(mirror.asked, ["/other.deb", DEB]);
    await proxy.evaluate(`forget_since(${began as number})`);
    assert.deepEqual(readdirSync(folder), [other]);
  });

  it("keeps nothing that may not be everybody's, or not whole", async () => {
    const path = "/a.rpm";
    const send = (headers: Record<string, string | number>, body = "text") => {
      mirror.files[path] = (_, answer) => answer.writeHead(200, headers).end(body);
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
    await proxy.get(mirror.at(path, "u:p@127.0.0.1"));
    mirror.files[path] = (_, answer) => {
      answer.writeHead(200, { "content-length": 9 }).write("text");
      setTimeout(() => answer.destroy(), 50);
    };
    await assert.rejects(proxy.get(mirror.at(path)));
    assert.deepEqual(readdirSync(folder), []);
  });

  it("asks the host of the address, whatever host the request names", async () => {
    const proxy = await build();
    await proxy.get(mirror.at(DEB), { host: "evil.example" });
    assert.deepEqual(mirror.hosts, [`127.0.0.1:${mirror.port}`]);
  });

  it("goes through the proxy of this machine, but for the hosts that need none", async () => {
    const next = new Mirror();
    await next.start();
    next.files["/a.deb"] = "through it";
    mirror.files["/a.deb"] = "past it";
    const http_proxy = `http://user:p%40ss@127.0.0.1:${next.port}`;
    const through = await build(MIB, { http_proxy, no_proxy: "127.0.0.1" });
    let credentials: string | undefined;
    next.files["/b.deb"] = (question, answer) => {
      credentials = question.headers["proxy-authorization"];
      answer.end();
    };
    assert.equal((await through.get("http://mirror.example/a.deb")).body, "through it");
    await through.get("http://mirror.example/b.deb");
    assert.equal((await through.get(mirror.at("/a.deb"))).body, "past it");
    next.stop();
    assert.deepEqual(next.hosts, ["mirror.example", "mirror.example"]);
    assert.equal(credentials, `Basic ${Buffer.from("user:p@ss").toString("base64")}`);
  });

  it("says which host it does not reach, so that the package manager tries again", async () => {
    const { port } = mirror;
    mirror.stop();
    const { status, body } = await (await build()).get(`http://127.0.0.1:${port}${DEB}`);
    assert.equal(status, 504);
    assert.match(body, /cannot reach 127\.0\.0\.1: .*refused/);
  });

  it("refuses what is no download by http", async () => {
    const proxy = await build();
    const tries = ["/a.deb", "https://h/a.deb", "ftp://h/a.deb", "file:///etc/passwd", "http:///a"];
    for (const path of [...tries, "http://h:x/a.deb", "http://[::1/a.deb"]) {
      assert.equal((await proxy.get(path)).status, 400, path);
    }
    assert.equal((await proxy.get(mirror.at(DEB), { "content-length": "0" })).status, 400);
    assert.equal((await proxy.get(mirror.at(DEB), {}, "POST")).status, 501);
    assert.deepEqual(mirror.asked, []);
  });

  it("writes files of its own names only, whatever it is asked for", async () => {
    const proxy = await build();
    const odd = fc.oneof(fc.string(), fc.constantFrom("..", "%2e%2e", "~", ".", "a;b", "'"));
    await fc.assert(
      fc.asyncProperty(fc.array(odd), async (parts) => {
        const path = encodeURI(`/${parts.join("/")}/x.deb`).replace(/[#?]/g, "%3F");
        mirror.files[path] = path;
        assert.equal((await proxy.get(mirror.at(path))).body, path);
      }),
      { numRuns: 60 },
    );
    const names = readdirSync(folder);
    assert.ok(names.length > 10);
    for (const name of names) assert.match(name, /^[\da-f]{64}\.[\da-f]{64}$/);
  });

  it("stays within its bounds: what was not used for longest goes first, and nothing of others", async () => {
    const content = (name: string) => name.repeat(300);
    for (const name of ["a", "b", "c", "d"]) mirror.files[`/${name}.deb`] = content(name);
    const others = ["mine.deb", `.${sha256("x")}~`, "sub"];
    writeFileSync(join(folder, others[0]!), "x".repeat(5000));
    writeFileSync(join(folder, others[1]!), "x");
    mkdirSync(join(folder, others[2]!));
    const age = (name: string, seconds: number) => {
      const file = kept().find((path) => path.endsWith(sha256(content(name))))!;
      utimesSync(file, 1e9 - seconds, 1e9 - seconds);
    };
    let proxy = await build(1000);
    for (const name of ["a", "b", "c"]) {
      await proxy.get(mirror.at(`/${name}.deb`));
      age(name, name.charCodeAt(0));
    }
    // used: c is the oldest of the others then
    proxy = await build(1000);
    await proxy.get(mirror.at("/c.deb"));
    await proxy.get(mirror.at("/d.deb"));
    const names = () =>
      kept().flatMap((path) =>
        ["a", "b", "c", "d"].filter((n) => path.endsWith(sha256(content(n)))),
      );
    assert.deepEqual(names().sort(), ["a", "c", "d"]);
    assert.ok(others.every((name) => existsSync(join(folder, name))));
    // a smaller bound counts from the next build on, and what does not fit at all is not kept
    proxy = await build(200);
    assert.deepEqual(names(), []);
    assert.equal((await proxy.get(mirror.at("/a.deb"))).body, content("a"));
    assert.deepEqual(names(), []);
    assert.ok(others.every((name) => existsSync(join(folder, name))));
  });

  it("leaves room on the disk, and serves where it can write nothing", async () => {
    const full = await build();
    const reserve = (bytes: string) =>
      proxies.evaluate(`setattr(package_cache, "RESERVE_BYTES", ${bytes})`);
    await reserve("2**62");
    assert.equal((await full.get(mirror.at(DEB))).body, "a package");
    await reserve("0");
    assert.deepEqual(readdirSync(folder), []);
    const lost = await build();
    rmSync(folder, { recursive: true });
    assert.equal((await lost.get(mirror.at(DEB))).body, "a package");
    const none = await build();
    assert.equal(none.port, null);
    const told = await proxies.evaluate("told[-1]");
    assert.match(told as string, /^packages: this machine's cache is not used: .*No such file/);
    assert.equal((await build(0)).port, null);
    mkdirSync(folder);
  });

  it("is safe with several builds at once, and with one that is killed", async () => {
    const large = "x".repeat(300_000);
    mirror.files[DEB] = large;
    const builds = await Promise.all([1, 2, 3].map(() => build()));
    const answers = await Promise.all(
      builds.flatMap((proxy) => [1, 2, 3].map(() => proxy.get(mirror.at(DEB)))),
    );
    for (const { body } of answers) assert.equal(body, large);
    assert.equal(kept().length, 1);

    let begun = () => {};
    const writing = new Promise<void>((resolve) => (begun = resolve));
    mirror.files["/slow.deb"] = (_, answer) => {
      answer.writeHead(200, { "content-length": 9 }).write("text");
      setTimeout(begun, 300);
    };
    const other = new PackageProxies();
    const asked = (await other.build(folder, MIB)).get(mirror.at("/slow.deb"));
    await Promise.all([assert.rejects(asked), writing.then(() => other.kill())]);
    const draft = readdirSync(folder).find((name) => name.startsWith("."))!;
    assert.match(draft, /^\.[\da-f-]{36}~$/);
    await build();
    assert.ok(existsSync(join(folder, draft)), "another build may be writing it");
    utimesSync(join(folder, draft), 1e9, 1e9);
    await build();
    assert.ok(!existsSync(join(folder, draft)));
    assert.ok(lstatSync(kept()[0]!).isFile());
  });

  it("is put in front of the proxies of the host's apt, and not before https", async () => {
    const proxy = await build(MIB, { https_proxy: "http://env:1" });
    const own = `Acquire::http::Proxy "http://127.0.0.1:${proxy.port}";`;
    const lines = async (conf: string) =>
      ((await proxy.evaluate(`apt_lines(${JSON.stringify(conf)})`)) as string)
        .split("\n")
        .filter(Boolean);
    const of = (scheme: string, place: string) => `Acquire::${scheme}::Proxy "${place}";\n`;
    assert.deepEqual(await lines(""), [own, 'Acquire::https::Proxy "http://env:1";']);
    const special = 'Acquire::http::Proxy::host "DIRECT";';
    assert.deepEqual(await lines(`${special}\n${of("HTTP", "http://corp:3128")}`), [
      ...[special, own, 'Acquire::https::Proxy "http://corp:3128";'],
    ]);
    assert.equal(await proxy.evaluate('beyond["http"]'), "http://corp:3128");
    assert.deepEqual(await lines(of("http", "DIRECT") + of("https", "http://s:1")), [
      ...[own, 'Acquire::https::Proxy "http://s:1";'],
    ]);
    assert.equal(await proxy.evaluate('beyond.get("http")'), null);
  });
});
