import assert from "node:assert/strict";
import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { join } from "node:path";
import type { Readable } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

import { projectFolder } from "../../host/project";

/** A process with the watchdog, and with a program that it runs then. */
const watched = (program: string) => [
  ...["--require", join(projectFolder, "setup/loader.cjs"), "--eval"],
  `const { startWatchdog } = require(${JSON.stringify(join(projectFolder, "host/watchdog.ts"))});
   startWatchdog("last words\\n", { still: 3, orphaned: 3 });
   process.on("SIGTERM", () => undefined);
   console.log(process.pid); ${program}`,
];

/** Busy in a way that lets nothing else have a turn, as an expression that goes back may be. */
const BUSY = "setTimeout(() => { for (;;); }, 200)";
const IDLE = "setInterval(() => undefined, 1000)";

describe("the watchdog of a stage", function () {
  this.timeout(30_000);
  let child: ChildProcessByStdio<null, Readable, Readable>;
  let pid = 0;
  afterEach(() => {
    child.kill("SIGKILL");
    if (existsSync(`/proc/${pid}`)) process.kill(pid, "SIGKILL");
  });
  const start = async (program: string, args: readonly string[]) => {
    child = spawn(program, args, { stdio: ["ignore", "pipe", "pipe"] });
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    pid = Number(line.toString());
  };

  it("ends a process whose event loop stands still, and says so", async () => {
    await start(process.execPath, watched(BUSY));
    const said = once(child.stderr, "data");
    const [, signal] = (await once(child, "exit")) as [null, string];
    assert.equal(signal, "SIGKILL");
    assert.equal(String((await said)[0]), "last words\n");
  });

  it("leaves alone what is only busy now and then", async () => {
    await start(process.execPath, watched(IDLE));
    await sleep(6000);
    assert.ok(existsSync(`/proc/${pid}`));
  });

  for (const [what, program] of [
    ["busy", BUSY],
    ["deaf", IDLE],
  ] as const) {
    it(`ends a ${what} process that has lost the one that started it`, async () => {
      // a shell that waits, and is killed
      await start("sh", ["-c", '"$@" & wait', "sh", process.execPath, ...watched(program)]);
      child.kill("SIGKILL");
      const deadline = Date.now() + 15_000;
      while (existsSync(`/proc/${pid}`)) {
        assert.ok(Date.now() < deadline, "it is still there");
        await sleep(100);
      }
    });
  }
});
