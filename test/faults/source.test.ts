import assert from "node:assert/strict";
import { once } from "node:events";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { stageKey } from "../../plan/description";
import { SECRET } from "../../plan/invocation";
import type { base } from "../../plan/stages/base";
import type { StageCall } from "../../plan/stages/call";
import { inTools } from "../docker/smallDisk";
import { toolsImage } from "../docker/toolsImage";
import { itInFullTier } from "../fullTier";
import { bridgeGateway } from "../openPort";
import { sourceCall } from "../sampleCalls";
import { sha256 } from "../sha256";
import { TemporaryStore } from "../temporaryStore";
import { countFaults, survived } from "./figures";
import { assertNothingLeaked, readdirIfThere } from "./invariants";
import { Run } from "./run";

/** How much of the file a server gives before it does what its test wants, and how much of that lies on the disk then. */
const GIVES = 3 * 2 ** 20;
const ARRIVED = 2 ** 20;

describe("an image that begins with somebody else's disk survives", function () {
  this.timeout(120_000);
  let at: TemporaryStore;
  let image: string;
  let disk: Buffer;
  let server: Server;
  let call: StageCall<typeof base>;
  /** What a request gets in the place of the whole file: some bytes, and then nothing more, or the connection's end. */
  let then: "whole" | "hang" | "cut" = "whole";
  const asked: string[] = [];
  countFaults();

  before(async function () {
    image = await toolsImage(this);
    at = new TemporaryStore();
    const make = `cd /w; truncate -s 16M disk.raw; printf 'start=2048, type=L\\n' | sfdisk --quiet --label gpt disk.raw
      head -c 6M /dev/urandom | dd of=disk.raw bs=1M seek=2 conv=notrunc status=none; qemu-img convert -O qcow2 disk.raw disk.qcow2`;
    inTools(image, at.home, make);
    disk = readFileSync(join(at.home, "disk.qcow2"));
    at.remove();
  });
  beforeEach(async () => {
    at = new TemporaryStore();
    asked.length = 0;
    then = "whole";
    server = createServer((request, response) => {
      const range = request.headers.range ?? "";
      asked.push(range);
      const rest = disk.subarray(Number(/^bytes=(\d+)-$/.exec(range)?.[1] ?? 0));
      response.writeHead(range ? 206 : 200, { "Content-Length": rest.length });
      if (then === "whole") response.end(rest);
      else
        response.write(
          rest.subarray(0, then === "cut" ? ARRIVED : GIVES),
          () => then === "cut" && response.destroy(),
        );
    }).listen(0, await bridgeGateway());
    await once(server, "listening");
    call = sourceCall({ sourceSha256: sha256(disk) }, { toolsImage: image });
  });
  afterEach(() => {
    server.close();
    server.closeAllConnections();
    at.remove();
  });

  function start(): Run {
    const { address, port } = server.address() as AddressInfo;
    const urls = JSON.stringify([`http://${address}:${port}/disk.qcow2?token=s3cr3t`]);
    return Run.stage(at.home, call, { [`${SECRET}sourceUrls`]: urls });
  }
  const part = () => join(at.home, "iso", `${sha256(disk)}.disk.part`);
  const state = async () => (await at.store.lookup("base", stageKey(call.description))).state;

  async function assertSurvived(fault: string, run: Run): Promise<void> {
    const { stdout, stderr } = await run.ended;
    assert.doesNotMatch(stdout + stderr, /s3cr3t/);
    const secondsToClean = await assertNothingLeaked(at.home, { since: run.faultAt });
    assert.equal(await state(), "missing");
    then = "whole";
    const again = await start().ended;
    assert.equal(again.code, 0, again.stderr);
    assert.equal(await state(), "present");
    assert.deepEqual(readdirIfThere(join(at.home, "work")), []);
    const left = readdirSync(join(at.home, "iso")).filter((name) => name.endsWith(".part"));
    assert.deepEqual(left, []);
    survived({ fault, where: "base from a disk", secondsToClean });
  }

  /** A run of which a part of the disk has arrived, and no more comes. */
  async function untilArrived(): Promise<Run> {
    then = "hang";
    const run = start();
    while ((statSync(part(), { throwIfNoEntry: false })?.size ?? 0) < ARRIVED && !run.isOver) {
      await sleep(50);
    }
    return run;
  }

  /** The next run asks for what is lacking, and nothing else. */
  const assertWentOn = () => {
    assert.equal(asked.length, 2, String(asked));
    assert.match(asked[1]!, /^bytes=[1-9]\d{6}-$/);
  };

  for (const signal of ["SIGTERM", "SIGKILL"] as const) {
    (signal === "SIGTERM" ? itInFullTier : it)(
      `${signal} of kragle during the download, which goes on where it was`,
      async () => {
        const run = await untilArrived();
        run.signal(signal);
        await run.ended;
        await assertSurvived(`${signal} of kragle`, run);
        assertWentOn();
      },
    );
  }

  itInFullTier("a container that is killed during the download", async () => {
    const run = await untilArrived();
    const key = stageKey(call.description);
    await run.killContainer(await run.container(at.store.id, key));
    const { code, stderr } = await run.ended;
    assert.notEqual(code, 0);
    assert.match(stderr, /could not be fetched/);
    await assertSurvived("container is killed", run);
    assertWentOn();
  });

  it("a connection that is always cut", async () => {
    then = "cut";
    const run = start();
    const { code, stderr } = await run.ended;
    assert.equal(code, 3, stderr);
    assert.match(stderr, /the disk could not be fetched[^]*run the same command again/);
    await assertSurvived("download of a disk is cut", run);
  });

  it("a publisher that has put another file in its place", async () => {
    const good = disk;
    disk = Buffer.concat([good.subarray(0, -1), Buffer.from([good.at(-1)! ^ 1])]);
    const run = start();
    const { code, stderr } = await run.ended;
    assert.equal(code, 3, stderr);
    assert.match(stderr, /gave another file/);
    assert.ok(!existsSync(part()), "what is another file is kept");
    disk = good;
    await assertSurvived("disk of a publisher is another one", run);
  });
});
