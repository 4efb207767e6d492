import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync, mkdtempSync, readFileSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";

import { lockFile, LockHeld } from "../../host/lock";

const project = resolve(__dirname, "../..");

/** Another process, see lockHolder.ts. */
class Holder {
  readonly process: ChildProcess;
  private readonly lines: AsyncIterator<string>;

  constructor(...args: string[]) {
    this.process = spawn(process.execPath, ["--import", "tsx", "test/lockHolder.ts", ...args], {
      cwd: project,
      stdio: ["ignore", "pipe", "inherit"],
    });
    this.lines = createInterface({ input: this.process.stdout! })[Symbol.asyncIterator]();
  }

  /** The next line that it prints; undefined when it has ended. */
  async says(): Promise<string | undefined> {
    const { value } = (await this.lines.next()) as { value: string | undefined };
    return value;
  }

  async kill(): Promise<void> {
    if (this.process.exitCode === null && this.process.kill("SIGKILL"))
      await once(this.process, "exit");
  }
}

describe("store: lock", function () {
  this.timeout(60_000);
  let folder: string;
  let path: string;
  let holders: Holder[];
  const start = (...args: string[]) => {
    const holder = new Holder(...args);
    holders.push(holder);
    return holder;
  };
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "kragle löck "));
    path = join(folder, "made when needed", "image-1");
    holders = [];
  });
  afterEach(async () => {
    await Promise.all(holders.map((holder) => holder.kill()));
    rmSync(folder, { recursive: true, force: true });
  });

  const refused = (options: { shared?: boolean } = {}) =>
    lockFile(path, { ...options, noWait: true }).then(
      () => assert.fail("the lock was given twice"),
      (error: Error) => error as LockHeld,
    );

  it("is a file: what else has its name is told, and not waited for", async () => {
    const fifo = join(folder, "fifo");
    execFileSync("mkfifo", [fifo]);
    await assert.rejects(
      lockFile(fifo),
      /fifo stands where kragle keeps a lock, and is no regular/,
    );
  });

  it("is given once, and names its holder", async () => {
    const release = await lockFile(path);
    const error = await refused();
    assert.ok(error instanceof LockHeld);
    assert.match(error.holder, new RegExp(`^process ${process.pid} since \\d{4}-\\d\\d-\\d\\dT`));
    assert.equal(error.message, `another run holds the lock (${error.holder})`);
    await release();
    await (
      await lockFile(path, { noWait: true })
    )();
  });

  it("is shared by those who share it, and by nobody else", async () => {
    const [one, two] = [
      await lockFile(path, { shared: true }),
      await lockFile(path, { shared: true }),
    ];
    assert.ok((await refused()) instanceof LockHeld);
    await one();
    assert.ok((await refused()) instanceof LockHeld);
    await two();
    const exclusive = await lockFile(path, { noWait: true });
    assert.ok((await refused({ shared: true })) instanceof LockHeld);
    await exclusive();
  });

  it("never names a holder of before", async () => {
    await (
      await lockFile(path)
    )();
    const release = await lockFile(path, { shared: true });
    assert.equal((await refused()).holder, "holder unknown");
    await release();
  });

  it("that was refused, or waited for, is left to its holder", async () => {
    const release = await lockFile(path);
    const before = readFileSync(path, "utf8");
    await refused();
    await refused({ shared: true });
    assert.equal(readFileSync(path, "utf8"), before);
    await release();
    assert.ok(existsSync(path));
  });

  it("is waited for, and given when it is free, in this process", async () => {
    const order: string[] = [];
    const release = await lockFile(path);
    const second = lockFile(path, { onWait: (holder) => order.push(`waits for ${holder}`) });
    const third = second.then(async (releaseSecond) => {
      order.push("second");
      await releaseSecond();
    });
    while (order.length === 0) await new Promise((resolve) => setTimeout(resolve, 10));
    order.push("first ends");
    await release();
    await third;
    assert.match(order[0]!, new RegExp(`^waits for process ${process.pid} since `));
    assert.deepEqual(order.slice(1), ["first ends", "second"]);
  });

  it("holds against another process, and is free as soon as that is killed", async () => {
    const holder = start(path, "exclusive");
    assert.equal(await holder.says(), "holds");
    assert.match((await refused()).holder, new RegExp(`^process ${holder.process.pid} since`));
    const next = start(path, "exclusive");
    assert.equal(await next.says(), "waits");
    await holder.kill();
    assert.equal(await next.says(), "holds");
    assert.match((await refused()).holder, new RegExp(`^process ${next.process.pid} since`));
    await next.kill();
    await (
      await lockFile(path)
    )();
  });

  it("is shared with another process, and lost with it", async () => {
    const holder = start(path, "shared");
    assert.equal(await holder.says(), "holds");
    const release = await lockFile(path, { shared: true, noWait: true });
    await release();
    assert.ok((await refused()) instanceof LockHeld);
    await holder.kill();
    await (
      await lockFile(path)
    )();
  });

  it("is not kept by a process that was killed while it waited", async () => {
    const release = await lockFile(path);
    const waiter = start(path, "exclusive");
    assert.equal(await waiter.says(), "waits");
    await waiter.kill();
    await release();
    // the flock(1) of the dead process may get it for a moment; it must not stay with it
    await (
      await lockFile(path)
    )();
  });

  it("is not taken through a link, whose file would be emptied", async () => {
    const victim = join(folder, "victim");
    writeFileSync(victim, "x");
    symlinkSync(victim, join(folder, "link"));
    await assert.rejects(lockFile(join(folder, "link")), { code: "ELOOP" });
    assert.equal(readFileSync(victim, "utf8"), "x");
  });

  it("lets one process at a time through", async () => {
    const counter = join(folder, "counter");
    writeFileSync(counter, "0");
    const counters = [1, 2, 3].map(() => start(path, "exclusive", counter));
    await Promise.all(counters.map((holder) => once(holder.process, "exit")));
    assert.equal(readFileSync(counter, "utf8"), "15");
  });
});
