import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { projectFolder } from "../../host/project";
import { Roots } from "../../store/roots";
import { writeStackRecord } from "../../store/stackRecord";
import { inBash } from "../inBash";
import { named, ownerOf } from "../stacks";
import { TemporaryStore } from "../temporaryStore";

const FULL = "the output could not be written: no space left on device\n";
const CLOSED = "the output could not be written: broken pipe\n";

describe("output that does not arrive", function () {
  this.timeout(120_000);
  let at: TemporaryStore;
  let output: string;
  beforeEach(async () => {
    at = new TemporaryStore();
    output = mkdtempSync(join(tmpdir(), "kragle-released-"));
    writeFileSync(join(output, "packer-kragle-qcow2"), "an image");
    await writeStackRecord(at.home, ownerOf(at.home, "dev"), {
      engine: "embedded",
      outputs: { imagePath: join(output, "packer-kragle-qcow2"), reportPath: __filename },
      finishedAt: "2026-11-01T00:00:00Z",
    });
    const { key, manifest } = await at.publish({ x: "y", "logs/stage.log": "hello\n" });
    const roots = Roots.of(at.home, named("dev"));
    const root = { stage: "image", key, publishedAt: manifest.publishedAt };
    await roots.set("image", root);
    // without it gc would delete nothing, since nobody knew what a stack that was released uses
    await roots.set("release", { ...root, stage: "release" });
  });
  afterEach(() => {
    at.remove();
    rmSync(output, { recursive: true });
  });

  const bash = (line: string) => inBash(at.home, line);

  const ANSWERS = [
    "outputs",
    "outputs --json",
    "stacks",
    "stacks --json",
    "report",
    "report --json",
    "logs",
    "logs image",
    "logs --json",
    "gc --dry-run --json",
    "doctor --json",
    "--help",
    "up --help",
    "--version",
    "help gc",
    "completion bash",
    "completion fish",
    "setup --help",
  ];
  for (const verb of ANSWERS) {
    it(`is no success of "kragle ${verb}"`, async () => {
      const full = await bash(`kragle ${verb} >/dev/full`);
      const closed = await bash(`kragle ${verb} | true; exit \${PIPESTATUS[0]}`);
      // a shell's own programs begin with a capital
      assert.deepEqual([full.code, full.stderr.toLowerCase()], [3, FULL]);
      assert.deepEqual([closed.code, closed.stderr.toLowerCase()], [3, CLOSED]);
    });
  }

  it("does not hide why a command failed", async () => {
    for (const verb of ["outputs -s nope", "up --colour", "up --json --engine hcl"]) {
      assert.equal((await bash(`kragle ${verb} >/dev/full`)).code, 2, verb);
      assert.equal((await bash(`kragle ${verb} 2>/dev/full`)).code, 2, verb);
      assert.equal(
        (await bash(`kragle ${verb} 2>&1 | true; exit \${PIPESTATUS[0]}`)).code,
        2,
        verb,
      );
    }
  });

  it("lets work go on that changes something: its result is the exit code where only the reader is gone", async () => {
    const unused = await at.publish({ x: "z" }, at.describe("b"));
    assert.deepEqual(await bash("kragle gc | true; exit ${PIPESTATUS[0]}"), {
      ...{ code: 0, stdout: "", stderr: "" },
    });
    assert.ok(!existsSync(unused.folder));
    const again = await at.publish({ x: "z" }, at.describe("b"));
    const full = await bash("kragle gc >/dev/full");
    assert.deepEqual([full.code, full.stderr], [3, FULL]);
    assert.ok(!existsSync(again.folder));
    const destroyed = await bash("kragle destroy --json | true; exit ${PIPESTATUS[0]}");
    assert.deepEqual([destroyed.code, destroyed.stderr], [3, CLOSED]);
    assert.equal((await Roots.of(at.home, named("dev")).list()).size, 0);
  });

  it("is harmless on a terminal, and as it is elsewhere", async () => {
    const evil = "\u001b]0;owned\u0007\u009b2Jx\u202ey\n";
    const { key, manifest } = await at.publish(
      { x: "w", "logs/stage.log": evil },
      at.describe("w"),
    );
    await Roots.of(at.home, named("dev")).set("image", {
      ...{ stage: "image", key, publishedAt: manifest.publishedAt },
    });
    assert.equal((await bash("kragle logs image")).stdout, evil);
    const { stdout } = await bash("script -qec 'kragle logs image' /dev/null </dev/null");
    assert.equal(stdout, "\\u{1b}]0;owned\\u{7}\\u{9b}2Jx\\u{202e}y\r\n");
  });

  it("is noticed where a file takes only a part of it", async () => {
    const file = join(output, "half");
    // 1 block of 1024 bytes: the limit of a file's size stands for a disk that is nearly full
    const { code, stderr } = await bash(`ulimit -f 1; kragle completion bash >${file}`);
    assert.equal(statSync(file).size, 1024);
    assert.equal(code, 3);
    assert.match(stderr, /^the output could not be written: file too large\n$/);
  });

  it("arrives whole through a slow pipe that does not wait", async () => {
    const script = `const { print } = require("./host/output"); print("x".repeat(1 << 20) + "end");`;
    const node = [process.execPath, "--require", "./setup/loader.cjs", "-e", script];
    // a socket that is shared with Python, which makes it one that does not wait
    const python = `import os, subprocess, sys, time
r, w = os.pipe()
os.set_blocking(w, False)
p = subprocess.Popen(sys.argv[1:], stdout=w)
os.close(w)
time.sleep(0.5)
data = b""
while True:
    part = os.read(r, 4096)
    if not part: break
    data += part
print(len(data), data[-3:].decode(), p.wait())`;
    const child = spawn("python3", ["-c", python, ...node], { cwd: projectFolder });
    let said = "";
    child.stdout.setEncoding("utf8").on("data", (text: string) => (said += text));
    await once(child, "close");
    assert.equal(said, `${2 ** 20 + 3} end 0\n`);
  });

  it("is written in one place: nothing in the command line's code uses Node's streams for it", async () => {
    const { stdout } = await bash(
      `grep -rlE 'process\\.std(out|err)\\.write|console\\.(log|error|warn|info|debug)' cli setup disk host`,
    );
    // a guest's shell draws on the terminal that the user gave it; what makes the package is no part of the command line
    assert.equal(stdout, "cli/boot/terminal.ts\nsetup/build.cjs\n");
    assert.match(readFileSync(join(projectFolder, "host/output.ts"), "utf8"), /writeSync/);
  });
});
