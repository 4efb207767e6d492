import assert from "node:assert/strict";
import { readdirSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { docker } from "../../stages/container";
import { readManifest } from "../../store/manifest";
import { Clone, jsonOf } from "../clone";
import { inSequence } from "../inSequence";
import { countFaults, survived } from "./figures";
import { assertNothingLeaked, readdirIfThere } from "./invariants";
import { Run } from "./run";

const QEMU = { runsAs: /^qemu-system.* -drive /, says: /QEMU ended with exit code 137/ };
const PACKER = { runsAs: /^packer build/, says: /packer ended/ };

/** The stages in their order, and the program in each one's container that shows that it is at work; release has no container. */
const STAGES = {
  base: /mmdebstrap/,
  image: QEMU.runsAs,
  check: /inspect_image/,
  "convert-raw": /^qemu-img/,
  smoke: QEMU.runsAs,
  release: undefined,
} as const;

/** What else runs in a stage's container, and what is said when it is killed. */
const MACHINERY: Record<string, Record<string, typeof QEMU>> = {
  image: { QEMU, Packer: PACKER },
  smoke: { QEMU },
};

/** A real build that is killed again and again, in each stage in each way, and goes on each time where it was. */
describe("an up that is killed", function () {
  this.timeout(30 * 60_000);
  let clone: Clone;
  let home: string;
  /** When each finished stage was published; nothing may be published twice. */
  const publishedAt = new Map<string, string>();
  countFaults();
  inSequence();

  before(function () {
    if (!process.env.KRAGLE_TEST_FULL) this.skip();
    clone = new Clone();
    home = clone.path(".kragle");
    clone.addStack("dev", { formats: ["raw"] });
  });
  after(() => clone?.remove());

  const up = () =>
    Run.start(home, ["up", "-s", "dev", "--engine", "embedded", "--json"], {
      folder: clone.folder,
    });

  /** Waits until the stage's own program runs; gives its container and the program's process id. */
  async function atWork(run: Run, stage: string, program: RegExp) {
    let over = false;
    void run.ended.then(() => (over = true));
    for (;;) {
      for (const name of readdirIfThere(join(home, "work"))) {
        if (!name.startsWith(`${stage.split("-")[0]!}-`)) continue;
        const label = [`kragle.key=${name.slice(name.lastIndexOf("-") + 1)}`];
        const [found] = await docker.listContainers({ filters: { label } });
        if (!found) continue;
        const container = docker.getContainer(found.Id);
        const top = (await container.top({ ps_args: "-eo pid,args" }).catch(() => undefined)) as
          { Processes: string[][] } | undefined;
        const process = top?.Processes.find(([, words]) => program.test(words!));
        if (process) return { container, pid: Number(process[0]) };
      }
      if (over) throw new Error(`${stage} did not run:\n${(await run.ended).stderr}`);
      await sleep(50);
    }
  }

  async function untilReleaseCopies(run: Run): Promise<void> {
    let over = false;
    void run.ended.then(() => (over = true));
    const output = clone.path("build/dev/output");
    while (!readdirIfThere(output).some((name) => name.startsWith("."))) {
      if (over) throw new Error(`release did not run:\n${(await run.ended).stderr}`);
      await sleep(5);
    }
  }

  async function rememberPublished(): Promise<void> {
    for (const name of readdirIfThere(join(home, "store"))) {
      const { publishedAt: at } = await readManifest(join(home, "store", name));
      assert.equal(publishedAt.get(name) ?? at, at, `${name} was made a second time`);
      publishedAt.set(name, at);
    }
  }

  async function assertSurvived(fault: string, stage: string, run: Run): Promise<void> {
    const left = { project: clone.folder, since: run.faultAt! };
    const secondsToClean = await assertNothingLeaked(home, left);
    await rememberPublished();
    const made = [...publishedAt.keys()].filter((name) => name.startsWith(`${stage}-`));
    const output = clone.path("build/dev/output");
    assert.deepEqual(
      readdirIfThere(output).filter((name) => name.startsWith(".")),
      [],
    );
    if (stage !== "convert-raw") assert.deepEqual(made, [], `${stage} was published all the same`);
    survived({ fault, where: stage, secondsToClean });
  }

  for (const [stage, program] of Object.entries(STAGES)) {
    for (const signal of ["SIGTERM", "SIGINT", "SIGKILL"] as const) {
      it(`by ${signal} in ${stage} leaves nothing`, async () => {
        const run = up();
        await (program ? atWork(run, stage, program) : untilReleaseCopies(run));
        run.signal(signal);
        const { code, stderr } = await run.ended;
        if (signal !== "SIGKILL") {
          assert.equal(code, 1, stderr);
          assert.match(stderr, /interrupted[^]*run the same command again/);
        }
        await assertSurvived(`${signal} of kragle`, stage, run);
      });
    }
    if (!program) continue;
    it(`by docker kill in ${stage} leaves nothing, and says so`, async () => {
      const run = up();
      const { container } = await atWork(run, stage, program);
      await run.killContainer(container);
      const { code, stderr } = await run.ended;
      assert.equal(code, 1, stderr);
      assert.match(stderr, /exit code 137/);
      assert.match(stderr, /logs: /);
      await assertSurvived("container is killed", stage, run);
    });
    for (const [name, { runsAs, says }] of Object.entries(MACHINERY[stage] ?? {})) {
      it(`by the end of ${name} in ${stage} says so`, async () => {
        const run = up();
        run.killProcess((await atWork(run, stage, runsAs)).pid, "SIGKILL");
        const { code, stderr } = await run.ended;
        assert.equal(code, 1, stderr);
        assert.match(stderr, says);
        assert.match(stderr, /logs: /);
        assert.ok(Date.now() - run.faultAt! < 30_000);
        await assertSurvived(`${name} is killed`, stage, run);
      });
    }
  }

  it("ends well when nobody kills it any more, without a second run of anything", async () => {
    const ended = await up().ended;
    assert.equal(ended.code, 0, ended.stderr);
    const { steps } = jsonOf<{ steps: Record<string, string> }>(ended);
    for (const stage of ["base", "image", "check", "convert-raw", "smoke"]) {
      assert.equal(steps[stage], "store", stage);
    }
    assert.equal(steps.release, "run");
    await rememberPublished();
    await assertNothingLeaked(home, { project: clone.folder });
    assert.deepEqual(readdirSync(join(home, "work")), []);
    const verified = await clone.kragle(["verify", "-s", "dev"]);
    assert.equal(verified.code, 0, verified.stderr);
  });
});
