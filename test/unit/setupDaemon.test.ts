import assert from "node:assert/strict";
import { existsSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { startInBackground } from "../../setup/dockerDaemon";
import { runCommand } from "../../setup/runCommand";

describe("starting the daemon by hand", () => {
  let folder: string;
  let lines: string[];
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "kragle daemon ü "));
    lines = [];
  });
  afterEach(() => {
    const pid = readPid();
    if (pid) process.kill(pid, "SIGKILL");
    rmSync(folder, { recursive: true, force: true });
  });

  const at = (name: string) => join(folder, name);
  const readPid = () => (existsSync(at("pid")) ? Number(readFileSync(at("pid"), "utf8")) : 0);

  /** A daemon that answers once it has made a file; it is the shell itself, as its process id tells. */
  const start = (script: string, deadlineSeconds = 5) =>
    startInBackground({
      privilege: "root",
      print: (line) => lines.push(line),
      daemon: ["sh", "-c", script, folder],
      log: at("log"),
      pidFile: at("pid"),
      deadlineSeconds,
      obstacle: () =>
        Promise.resolve(existsSync(at("socket")) ? undefined : { words: "nothing listens" }),
    });

  it("waits until it answers, and leaves it running in a session of its own", async () => {
    const lacking = await start('echo $$ > "$0/pid"; sleep 0.3; : > "$0/socket"; exec sleep 60');
    assert.equal(lacking, undefined);
    assert.match(
      readFileSync(`/proc/${readPid()}/stat`, "utf8"),
      new RegExp(`\\) S \\d+ ${readPid()} ${readPid()} `),
    );
    assert.match(lines.join("\n"), /\$ sh .*&$/s);
  });

  it("does not start a second one while the first is starting", async () => {
    writeFileSync(at("socket"), "");
    await start('echo $$ > "$0/pid"; exec sleep 60');
    while (!readPid()) await new Promise((resolve) => setTimeout(resolve, 20));
    rmSync(at("socket"));
    setTimeout(() => writeFileSync(at("socket"), ""), 400);
    assert.equal(await start('touch "$0/second"'), undefined);
    assert.ok(!existsSync(at("second")));
  });

  it("reports the daemon's own words, from this start only, without what a normal start logs", async () => {
    writeFileSync(at("log"), "level=error msg=yesterday\n");
    const lacking = await start(
      'echo "time=1 level=info msg=Starting"; echo "failed to start daemon: no iptables" >&2; exit 1',
    );
    assert.match(lacking!.message, /own words:\nfailed to start daemon: no iptables$/);
    assert.ok(lacking!.next.includes(at("log")));
  });

  it("gives up on one that keeps silent", async () => {
    const lacking = await start('echo $$ > "$0/pid"; exec sleep 60', 0.5);
    assert.match(lacking!.message, /nothing listens/);
  });
});

describe("running a command", () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "kragle-run-"))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it("shows the command, keeps its output in a log, and speaks up while it runs", async () => {
    const log = join(folder, "deep", "log");
    const lines: string[] = [];
    const result = await runCommand(["sh", "-c", "echo out; sleep 0.3; echo err >&2; exit 4"], {
      log,
      print: (line) => lines.push(line),
      heartbeatSeconds: 0.1,
    });
    assert.deepEqual(result, { exitCode: 4, output: "out\nerr\n" });
    assert.match(lines[0]!, /^ {2}\$ sh -c/);
    assert.ok(lines.some((line) => /log: .*deep\/log$/.test(line)));
  });

  it("has the shell's exit code for a program that is not there", async () => {
    const log = join(folder, "log");
    const { exitCode } = await runCommand(["/nowhere/program"], { log, print: () => undefined });
    assert.equal(exitCode, 127);
  });
});
