import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { endSessionWithThisProcess } from "../../host/lifeline";

describe("a session that is ended with its owner", function () {
  this.timeout(20_000);
  const mine: number[] = [];
  afterEach(() => {
    for (const pid of mine.splice(0)) if (existsSync(`/proc/${pid}`)) process.kill(pid, "SIGKILL");
  });

  /** A child that ends at once and leaves a program in its session, in a process group of its own as the Pulumi CLI's plugins are. */
  async function leave(program: string): Promise<{ session: number; left: number }> {
    const child = spawn("sh", ["-c", `set -m; ${program} >/dev/null 2>&1 & echo $!`], {
      detached: true,
      stdio: ["ignore", "pipe", "ignore"],
    });
    const [line] = (await once(child.stdout, "data")) as [Buffer];
    await once(child, "close");
    const left = Number(line.toString());
    mine.push(left);
    return { session: child.pid!, left };
  }

  async function endsWithin(seconds: number, pid: number): Promise<void> {
    const deadline = Date.now() + seconds * 1000;
    while (existsSync(`/proc/${pid}`)) {
      assert.ok(Date.now() < deadline, `process ${pid} is still there`);
      await sleep(50);
    }
  }

  it("loses what is left of it, and no other session does", async () => {
    const one = await leave("sleep 100");
    const other = await leave("sleep 100");
    endSessionWithThisProcess(one.session)();
    await endsWithin(3, one.left);
    assert.ok(existsSync(`/proc/${other.left}`));
  });

  it("loses also what does not listen to a polite signal", async () => {
    const { session, left } = await leave(`sh -c 'trap "" TERM; while :; do sleep 1; done'`);
    await sleep(200);
    endSessionWithThisProcess(session)();
    await endsWithin(9, left);
  });
});
