import assert from "node:assert/strict";
import { readdirSync } from "node:fs";

import { DEB, MIB, packageBuilds } from "./packageBuilds";
import { Mirror } from "./packageProxyProcess";

describe("the proxy with the cache of packages", function () {
  this.timeout(120_000);
  const at = packageBuilds();
  const { build, got } = at;

  it("passes on what changes under its address, and what is no file", async () => {
    at.mirror.files["/dists/InRelease"] = "Monday";
    assert.equal(await got("/dists/InRelease"), "Monday");
    at.mirror.files["/dists/InRelease"] = "Tuesday";
    assert.equal(await got("/dists/InRelease"), "Tuesday");
    const proxy = await build();
    assert.equal((await proxy.get(at.mirror.at("/gone.deb"))).status, 404);
    assert.equal((await proxy.get(at.mirror.at(DEB), {}, "HEAD")).body, "");
    assert.deepEqual(readdirSync(at.folder), []);
  });

  it("asks the host of the address, whatever host the request names", async () => {
    const proxy = await build();
    await proxy.get(at.mirror.at(DEB), { host: "evil.example" });
    assert.deepEqual(at.mirror.hosts, [`127.0.0.1:${at.mirror.port}`]);
  });

  it("goes through the proxy of this machine, but for the hosts that need none", async () => {
    const next = new Mirror();
    await next.start();
    next.files["/a.deb"] = "through it";
    at.mirror.files["/a.deb"] = "past it";
    const http_proxy = `http://user:p%40ss@127.0.0.1:${next.port}`;
    const through = await build(MIB, { http_proxy, no_proxy: "127.0.0.1" });
    let credentials: string | undefined;
    next.files["/b.deb"] = (question, answer) => {
      credentials = question.headers["proxy-authorization"];
      answer.end();
    };
    assert.equal((await through.get("http://mirror.example/a.deb")).body, "through it");
    await through.get("http://mirror.example/b.deb");
    assert.equal((await through.get(at.mirror.at("/a.deb"))).body, "past it");
    next.stop();
    assert.deepEqual(next.hosts, ["mirror.example", "mirror.example"]);
    assert.equal(credentials, `Basic ${Buffer.from("user:p@ss").toString("base64")}`);
  });

  it("says which host it does not reach, so that the package manager tries again", async () => {
    const { port } = at.mirror;
    at.mirror.stop();
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
    assert.equal((await proxy.get(at.mirror.at(DEB), { "content-length": "0" })).status, 400);
    assert.equal((await proxy.get(at.mirror.at(DEB), {}, "POST")).status, 501);
    assert.deepEqual(at.mirror.asked, []);
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
