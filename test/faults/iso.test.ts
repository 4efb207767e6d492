import assert from "node:assert/strict";
import { createHash, randomBytes } from "node:crypto";
import { existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { TemporaryStore } from "../temporaryStore";
import { programs } from "../docker/programs";
import { itInFullTier } from "../fullTier";
import { executor } from "../site";
import { toolsImage } from "../docker/toolsImage";
import { countFaults, survived } from "./figures";
import { assertNothingLeaked } from "./invariants";

/** Serves /result/good.iso on the container's own loopback in a way that is named, and fetches it from there. */
const SCENARIO = `
import http.server, json, os, subprocess, sys, threading, time
how, good = sys.argv[1], open("/result/good.iso", "rb").read()
class Server(http.server.BaseHTTPRequestHandler):
    def log_message(self, *_): pass
    def do_GET(self):
        asked = self.headers.get("Range")
        start = int(asked[6:-1]) if asked and how != "cut" else 0
        body = good[start:]
        if how == "corrupt": body = body[:-1] + bytes([body[-1] ^ 1])
        self.send_response(206 if start else 200)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        if asked: print(f"asked for {asked}", file=sys.stderr, flush=True)
        if how == "cut": body = body[: len(body) // 2]
        for at in range(0, len(body), 2**20):
            self.wfile.write(body[at : at + 2**20]); self.wfile.flush()
            if how == "slow": time.sleep(1)
server = http.server.ThreadingHTTPServer(("127.0.0.1", 8099), Server)
threading.Thread(target=server.serve_forever, daemon=True).start()
sys.exit(subprocess.run(["/usr/local/lib/kragle/fetch_file.py"]).returncode)
`;

describe("the download of an ISO survives", function () {
  this.timeout(120_000);
  let at: TemporaryStore;
  let cache: string;
  let image: string;
  const good = randomBytes(16 * 2 ** 20);
  const sha256 = createHash("sha256").update(good).digest("hex");
  countFaults();

  before(async function () {
    image = await toolsImage(this);
  });
  beforeEach(() => {
    at = new TemporaryStore();
    cache = join(at.home, "iso");
    mkdirSync(cache);
    writeFileSync(join(at.home, "good.iso"), good);
    writeFileSync(join(at.home, "scenario.py"), SCENARIO);
  });
  afterEach(() => at.remove());

  async function fetchIso(how: string, deadlineSeconds = 60) {
    const lines: string[] = [];
    const { exitCode } = await executor.run({
      storeId: at.store.id,
      key: how,
      image,
      run: ["python3", "/result/scenario.py", how],
      settings: { algorithm: "sha256", digest: sha256, kind: "iso", name: "installation ISO" },
      secrets: { urls: JSON.stringify(["http://127.0.0.1:8099/dvd.iso?token=s3cr3t"]) },
      programs: programs(),
      inputs: [{ at: "/result", path: at.home }],
      outputs: [{ at: "/cache", path: cache }],
      user: "builder",
      network: "none",
      log: join(at.home, "container.log"),
      onLine: (line) => lines.push(line),
      deadlineSeconds,
    });
    return { exitCode, said: lines.join("\n") };
  }

  const final = () => join(cache, `${sha256}.iso`);

  async function assertSurvived(fault: string): Promise<void> {
    assert.ok(!existsSync(final()), "it has its final name");
    await assertNothingLeaked(at.home);
    const { exitCode, said } = await fetchIso("well");
    assert.equal(exitCode, 0, said);
    assert.ok(readFileSync(final()).equals(good));
    assert.deepEqual(readdirSync(cache), [`${sha256}.iso`]);
    survived({ fault, where: "base" });
  }

  it("a file with a wrong checksum", async () => {
    const { exitCode, said } = await fetchIso("corrupt");
    assert.equal(exitCode, 1);
    assert.match(said, /gave another file \(16777216 bytes, SHA-256 [0-9a-f]{64}\)/);
    assert.doesNotMatch(said, /s3cr3t/);
    await assertSurvived("ISO is corrupt");
  });

  it("a file that is cut short", async () => {
    const { exitCode, said } = await fetchIso("cut");
    assert.equal(exitCode, 1);
    assert.match(said, /\d+ of 16777216 bytes came|was cut off/);
    await assertSurvived("ISO is cut short");
  });

  itInFullTier("a slow server: the next run goes on where the clock ended this one", async () => {
    await assert.rejects(fetchIso("slow", 5), /did not finish within 5/);
    const part = statSync(`${final()}.part`).size;
    assert.ok(part > 0 && part < good.length, `${part} bytes`);
    const { said } = await fetchIso("slow", 5).catch((error: Error) => ({ said: error.message }));
    assert.match(
      readFileSync(join(at.home, "container.log"), "utf8"),
      /asked for bytes=\d+-/,
      said,
    );
    await assertSurvived("ISO is slow");
  });
});
