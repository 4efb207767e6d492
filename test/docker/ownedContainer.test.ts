import assert from "node:assert/strict";
import { setTimeout as sleep } from "node:timers/promises";

import { docker } from "../site";
import { type OwnedRun, removeLabelled, runOwned } from "../../executors/ownedContainer";
import { StageFailure } from "../../host/failure";
import { toolsImage } from "./toolsImage";

const LABEL = `kragle.test=${process.pid}`;

describe("a container of its own", function () {
  this.timeout(60_000);
  let Image: string;
  let printed: string;

  before(async function () {
    Image = await toolsImage(this);
  });
  beforeEach(() => (printed = ""));
  after(() => removeLabelled(docker, [LABEL]));

  const describeRun = (script: string) => ({
    ...{ Image, Entrypoint: ["sh", "-c", script], Cmd: [] },
    Labels: Object.fromEntries([LABEL.split("=")]) as Record<string, string>,
    HostConfig: { NetworkMode: "none" },
  });
  const run = (script: string, options: Partial<OwnedRun> = {}) =>
    runOwned(docker, {
      description: describeRun(script),
      request: { a: "ü" },
      onLine: (line) => (printed += `${line}\n`),
      ...options,
    });
  /** Docker removes what has ended by itself; that may still be going on. */
  async function assertNoneLeft(): Promise<void> {
    const filters = { label: [LABEL] };
    for (let tries = 100; (await docker.listContainers({ all: true, filters })).length; tries--) {
      assert.ok(tries > 0, "a container is still there");
      await sleep(100);
    }
  }

  it("gets its request, and is told by its exit code and all that it prints", async () => {
    const code = await run('read -r line; echo "got $line"; echo err >&2; seq 100000; exit 7');
    assert.equal(code, 7);
    assert.match(printed, /^got \{"a":"ü"\}$/m);
    assert.match(printed, /^err$/m);
    assert.match(printed, /^100000\n/m);
    await assertNoneLeft();
  });

  it("has an open stdin for as long as it runs", async () => {
    const waiting = "read -r line; timeout 1 cat; echo ended by $?";
    await run(waiting);
    assert.equal(printed, "ended by 124\n");
  });

  it("is asked to end on a signal, and killed when it does not", async () => {
    const stop = new AbortController();
    const polite = "trap 'echo bye; exit 3' TERM; echo ready; while :; do sleep 0.1; done";
    const onLine = (line: string) => {
      printed += `${line}\n`;
      stop.abort();
    };
    assert.equal(await run(polite, { signal: stop.signal, onLine, graceSeconds: 20 }), 3);
    assert.equal(printed, "ready\nbye\n");
    const deaf = new AbortController();
    const killed = run("trap '' TERM; echo ready; while :; do sleep 0.1; done", {
      ...{ signal: deaf.signal, graceSeconds: 1, onLine: () => deaf.abort() },
    });
    assert.equal(await killed, 137);
    await assertNoneLeft();
  });

  it("is not made for a run that was interrupted, and ends where that comes while it starts", async () => {
    await assert.rejects(run("true", { signal: AbortSignal.abort() }), /it was interrupted/);
    const stop = new AbortController();
    const started = Date.now();
    const ending = run("sleep 50", { signal: stop.signal, onStart: () => stop.abort() });
    assert.ok([137, 143].includes(await ending));
    assert.ok(Date.now() - started < 40_000);
  });

  it("fails in Docker's words where it cannot be made or started, and leaves nothing", async () => {
    const refused = (change: object, words: RegExp) =>
      assert.rejects(
        run("true", { description: { ...describeRun("true"), ...change } }),
        (error) => {
          assert.ok(error instanceof StageFailure);
          assert.match(error.text, words);
          return true;
        },
      );
    await refused(
      { Image: "kragle-none:none" },
      /^Docker could not create the container: .*No such image.*\n {2}next: the image was deleted while this ran: run the same command again/i,
    );
    await refused({ Entrypoint: ["/nowhere"] }, /^Docker could not start the container: /);
    await assertNoneLeft();
  });

  it("that another process left is removed by its labels, all of them", async () => {
    const container = await docker.createContainer(describeRun("true"));
    await removeLabelled(docker, [LABEL, "kragle.other=1"]);
    await container.inspect();
    await removeLabelled(docker, [LABEL]);
    await assert.rejects(container.inspect(), { statusCode: 404 });
  });
});
