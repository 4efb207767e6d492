import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";

import { projectFolder } from "../../host/project";

const stages = join(projectFolder, "builder/stages");
const python = (args: readonly string[], input?: string) => {
  const { status, stdout, stderr } = spawnSync("python3", args, { encoding: "utf8", input });
  assert.equal(status, 0, stderr);
  return JSON.parse(stdout) as unknown;
};

describe("the programs that watch a guest in its container", function () {
  this.timeout(60_000);

  it("come to an end with any monitor", () => {
    const took = python([join(__dirname, "hostileMonitor.py"), join(stages, "common")]);
    for (const [name, seconds] of Object.entries(took as Record<string, number>)) {
      assert.ok(seconds < 4, `${name}: ${seconds} s`);
    }
    assert.equal(Object.keys(took as object).length, 9);
  });

  it("read an installer's console in pieces of any kind, and find what it says", () => {
    const program = `
import json, os, random, sys, tempfile, time
sys.path[:0] = sys.argv[1:]
import install_watch
class Packer:
    polled = 0
    def poll(self):
        self.polled += 1
        return 0 if self.polled > 3 else None
install_watch.POLL_SECONDS = 0
told = []
with tempfile.NamedTemporaryFile() as log:
    log.write(b"\\xff\\x1b[31m\\0" * 1000 + b"dracut " * 500000 + "ü".encode() * 700000 + b"\\n")
    log.write(b"Installing x (0/0)\\nInstalling " + b"9" * 5000 + b" (1/" + b"9" * 5000 + b")\\n")
    log.write(b"Installing bash (3/4)\\n" + install_watch.MARKER.encode())
    log.flush()
    watch = install_watch.InstallWatch(log.name, lambda *words: told.append(words))
    began = time.monotonic()
    watch.follow(Packer())
print(json.dumps({"finished": watch.finished, "told": told, "seconds": time.monotonic() - began}))
`;
    const found = python(["-c", program, join(stages, "common"), join(stages, "base")]) as {
      finished: boolean;
      told: unknown[];
      seconds: number;
    };
    assert.equal(found.finished, true);
    assert.deepEqual(found.told[0], [null, "package 3 of 4: bash, about 1 min left"]);
    assert.ok(found.seconds < 10, `${found.seconds} s`);
  });
});
