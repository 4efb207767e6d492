import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { chmodSync, existsSync, mkdtempSync, readdirSync, readFileSync } from "node:fs";
import { rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { handToContainer } from "../../executors/handOver";
import { programs } from "./programs";
import { toolsImage } from "./toolsImage";
import { executor } from "../site";
import { sha256 } from "../sha256";

/** What the server has. */
const CONTENT = Buffer.alloc(2 ** 21, Buffer.from(Array.from({ length: 256 }, (_, i) => i)));
const SHA256 = sha256(CONTENT);
const SERVER = "http://127.0.0.1:8080";

describe("fetching an ISO or a disk", function () {
  this.timeout(60_000);
  let image: string;
  let folder: string;

  before(async function () {
    image = await toolsImage(this);
  });
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "kragle fetch ü "));
    for (const name of ["cache", "work"]) await handToContainer(join(folder, name));
    chmodSync(folder, 0o755);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** What an earlier run has left of the file. */
  async function leave(part: Uint8Array) {
    writeFileSync(join(folder, `cache/${SHA256}.iso.part`), part);
    await handToContainer(join(folder, "cache"));
  }

  const fetch = (...urls: string[]) => fetchBy({ algorithm: "sha256", digest: SHA256 }, ...urls);

  async function fetchBy(digest: { algorithm: string; digest: string }, ...urls: string[]) {
    const lines: string[] = [];
    const serve = "python3 /test/fileServer.py 8080 & sleep 1";
    const { exitCode } = await executor.run({
      storeId: "test",
      key: `fetch-${process.pid}`,
      image,
      run: ["sh", "-c", `${serve}; exec /usr/local/lib/kragle/fetch_file.py`],
      settings: { ...digest, kind: "iso", name: "installation ISO" },
      secrets: { urls: JSON.stringify(urls) },
      programs: programs(),
      inputs: [{ at: "/test", path: __dirname }],
      outputs: [
        { at: "/cache", path: join(folder, "cache") },
        { at: "/result", path: join(folder, "work") },
      ],
      user: "builder",
      network: "none",
      log: join(folder, "log"),
      onLine: (line) => lines.push(line),
      deadlineSeconds: 50,
    });
    const file = join(folder, "work/asked");
    const asked = existsSync(file) ? readFileSync(file, "utf8").trim().split(/ *\n/) : [];
    return { exitCode, text: lines.join("\n"), asked };
  }
  const isWhole = () => {
    assert.deepEqual(readdirSync(join(folder, "cache")), [`${SHA256}.iso`]);
    assert.ok(readFileSync(join(folder, `cache/${SHA256}.iso`)).equals(CONTENT));
  };

  it("takes the first address that gives the file, and shows no token", async () => {
    const { exitCode, text, asked } = await fetch(
      `${SERVER}/gone`,
      `${SERVER}/other`,
      `${SERVER}/token?t=secret-token`,
      `${SERVER}/whole`,
    );
    assert.equal(exitCode, 0, text);
    isWhole();
    assert.deepEqual(
      asked.map((line) => line.split(" ")[0]),
      ["/gone", "/other", "/token?t=secret-token"],
    );
    assert.match(text, /HTTP Error 404/);
    assert.match(text, /gave another file \(12 bytes, SHA-256 [0-9a-f]{64}\)/);
    assert.match(text, /» fetch http:\/\/127\.0\.0\.1:8080\/token\n/);
    assert.doesNotMatch(text, /secret-token/);
  });

  it("goes on where a connection was cut", async () => {
    const { exitCode, text, asked } = await fetch(`${SERVER}/cut`);
    assert.equal(exitCode, 0, text);
    isWhole();
    assert.deepEqual(asked, ["/cut", `/cut bytes=${CONTENT.length / 2}-`]);
    assert.match(text, /cut off after 1 MiB/);
  });

  it("goes on where an earlier run stopped, also with a server that cannot", async () => {
    for (const name of ["whole", "no-range"]) {
      rmSync(join(folder, `cache/${SHA256}.iso`), { force: true });
      await leave(CONTENT.subarray(0, 1000));
      const { exitCode, text, asked } = await fetch(`${SERVER}/${name}`);
      assert.equal(exitCode, 0, text);
      assert.equal(asked.at(-1), `/${name} bytes=1000-`);
      isWhole();
    }
  });

  it("needs no server for a part that is whole, and throws away one that is wrong", async () => {
    await leave(CONTENT);
    assert.equal((await fetch(`${SERVER}/whole`)).exitCode, 0);
    isWhole();
    rmSync(join(folder, `cache/${SHA256}.iso`));
    await leave(Buffer.alloc(CONTENT.length + 1));
    const { exitCode, text } = await fetch(`${SERVER}/whole`, `${SERVER}/whole`);
    assert.equal(exitCode, 0, text);
    isWhole();
  });

  it("says so where an address leads to a web page, and goes on with the next", async () => {
    const { exitCode, text } = await fetch(`${SERVER}/login`, `${SERVER}/whole`);
    assert.equal(exitCode, 0, text);
    const page = 'leads to a web page (text/html, titled "Sign in & go on")';
    assert.ok(text.includes(`${page}, from ${SERVER}/page; does one have to log in there?`), text);
    assert.doesNotMatch(text, /secret-token/);
    isWhole();
  });

  it("is verified by SHA-512 where its publisher gives that", async () => {
    const by512 = (digest: string) =>
      fetchBy({ algorithm: "sha512", digest }, `${SERVER}/other`, `${SERVER}/whole`);
    const sha512 = createHash("sha512").update(CONTENT).digest("hex");
    const { exitCode, text } = await by512(sha512);
    assert.equal(exitCode, 0, text);
    assert.match(text, /gave another file \(12 bytes, SHA-512 [0-9a-f]{128}\)/);
    assert.deepEqual(readdirSync(join(folder, "cache")), [`${sha512}.iso`]);
    const wrong = await by512("0".repeat(128));
    assert.equal(wrong.exitCode, 1);
    assert.match(wrong.text, new RegExp(`/whole: gave another file .*SHA-512 ${sha512}`));
    assert.deepEqual(readdirSync(join(folder, "cache")), [`${sha512}.iso`]);
  });

  it("fails with the reason of every address", async () => {
    const { exitCode, text } = await fetch(
      `${SERVER}/gone`,
      "http://127.0.0.1:1/x",
      `${SERVER}/other`,
    );
    assert.equal(exitCode, 1);
    assert.match(text, /error: the installation ISO is not to be had from any of its addresses:/);
    assert.match(text, /\/gone: HTTP Error 404/);
    assert.match(text, /127\.0\.0\.1:1\/x: .*refused/);
    assert.match(text, /\/other: gave another file/);
    assert.deepEqual(readdirSync(join(folder, "cache")), []);
  });
});
