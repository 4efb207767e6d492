import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { closeSync, openSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { linesOf } from "../../cli/stackTable";
import { stackNames } from "../../host/project";
import { noteRun } from "../../run/runNote";
import { markDestroyed, writeStackRecord } from "../../store/stackRecord";
import { kragle } from "../kragle";
import { IMAGE_IDENTITY } from "../sampleCalls";
import { digest } from "../samples";
import { ownerOf } from "../stacks";
import { Workplace } from "../../store/workplace";
import { TemporaryStore } from "../temporaryStore";

interface Row {
  readonly stack: string;
  readonly [name: string]: unknown;
}

describe("kragle stacks", function () {
  this.timeout(60_000);
  let at: TemporaryStore;
  beforeEach(() => (at = new TemporaryStore()));
  afterEach(() => at.remove());

  async function listed(): Promise<Row[]> {
    const { code, stdout, stderr } = await kragle(at.home, ["stacks", "--json"]);
    assert.deepEqual([code, stderr], [0, ""]);
    return JSON.parse(stdout) as Row[];
  }

  async function released(stack: string): Promise<void> {
    const manifestPath = join(at.home, `${stack}.json`);
    const facts = { ...IMAGE_IDENTITY, releasedAt: "2026-11-01T00:00:00.000Z" };
    writeFileSync(manifestPath, JSON.stringify(facts));
    await writeStackRecord(at.home, ownerOf(at.home, stack), {
      engine: "embedded",
      outputs: { imageSha256: digest("a"), manifestPath },
      finishedAt: "2026-11-02T00:00:00.000Z",
    });
  }

  const failed = (stack: string, failedAt: string) =>
    noteRun(join(at.home, "failed", `image-${stack}`), ownerOf(at.home, stack), {
      ...{ root: "image", startedAt: "2026-11-01T00:00:00.000Z", failedAt },
    });

  it("has every stack that has a file, with what is known of it", async () => {
    const rows = await listed();
    assert.deepEqual(
      rows.map(({ stack }) => stack),
      stackNames(),
    );
    const { drift, ...rest } = rows.find(({ stack }) => stack === "dev")!;
    assert.deepEqual(rest, { stack: "dev", result: "none" });
    const { state, why } = drift as { state: string; why: string };
    // no daemon answers
    assert.equal(state, "unknown");
    assert.match(why, /^Docker cannot be reached/);
    const wrong = rows.find(({ stack }) => stack === "rhel7")!.drift as { why: string };
    assert.match(wrong.why, /isoSha256: is missing/);
  });

  it("tells the release, and what failed after it", async () => {
    await released("dev");
    const release = {
      ...IMAGE_IDENTITY,
      ...{ imageSha256: digest("a"), releasedAt: "2026-11-01T00:00:00.000Z" },
    };
    const row = async () => {
      const { drift: _, ...rest } = (await listed()).find(({ stack }) => stack === "dev")!;
      return rest;
    };
    assert.deepEqual(await row(), { stack: "dev", result: "released", release });
    await failed("dev", "2026-11-01T12:00:00.000Z");
    assert.deepEqual(await row(), { stack: "dev", result: "released", release });
    await failed("dev", "2026-11-02T12:00:00.000Z");
    assert.deepEqual(await row(), {
      ...{ stack: "dev", result: "failed", failedStage: "image", release },
    });
    await released("ci");
    await markDestroyed(at.home, ownerOf(at.home, "ci"));
    assert.equal((await listed()).find(({ stack }) => stack === "ci")!.result, "destroyed");
  });

  it("tells what is at work for a stack, and not what a killed run has left", async () => {
    const startedAt = "2026-11-02T00:00:00.000Z";
    for (const [stack, stage] of [
      ["dev", "base"],
      ["ci", "image"],
    ] as const) {
      const logs = join(at.home, "work", `${stage}-key`, "logs");
      await noteRun(logs, ownerOf(at.home, stack), { root: stage, startedAt });
    }
    const release = await new Workplace(at.home).lockStage("base", "key", {});
    const rows = await listed();
    const [dev, ci] = ["dev", "ci"].map((name) => rows.find(({ stack }) => stack === name)!);
    assert.deepEqual([dev!.atWork, ci!.atWork], [["base"], undefined]);
    await release();
    assert.equal((await listed()).find(({ stack }) => stack === "dev")!.atWork, undefined);
  });

  it("does not wait for a manifest that is none", async () => {
    await released("dev");
    const manifest = join(at.home, "dev.json");
    rmSync(manifest);
    execFileSync("mkfifo", [manifest]);
    const { release } = (await listed()).find(({ stack }) => stack === "dev")!;
    assert.deepEqual(release, {
      ...{ imageSha256: digest("a"), releasedAt: "2026-11-02T00:00:00.000Z" },
    });
  });

  it("reads notes on runs that are there as a whole at every moment", async () => {
    const note = join(at.home, "failed/image-dev/run.json");
    await failed("dev", "2026-11-02T12:00:00.000Z");
    const before = openSync(note, "r");
    await failed("dev", "2026-11-03T12:00:00.000Z");
    // whoever has the earlier one open goes on reading that
    assert.match(readFileSync(before, "utf8"), /"failedAt":"2026-11-02/);
    closeSync(before);
  });

  it("fits what it says into lines", () => {
    const release = {
      ...{ imageId: "web", imageVersion: "1.4", imageSha256: digest("a") },
      releasedAt: "2026-11-01T00:00:00.000Z",
    };
    const lines = linesOf(
      [
        { stack: "dev", result: "released", release, drift: { state: "none", stages: [] } },
        {
          ...{ stack: "a-long-name", result: "failed", failedStage: "convert-raw" },
          drift: { state: "differs", stages: ["image", "check"] },
        },
        { stack: "moved", result: "none", drift: { state: "differs", stages: [] } },
        {
          ...{ stack: "new", result: "released", atWork: ["base", "hand-image"] },
          drift: { state: "differs", stages: ["base"] },
        },
        {
          ...{ stack: "odd", result: "none" },
          drift: {
            state: "unknown",
            stages: [],
            why: `\u001b[2J1 setting is wrong:\n  ${"x".repeat(99)}`,
          },
        },
        {
          ...{ stack: "far", result: "none" },
          drift: { state: "unknown", stages: [], why: "no daemon answers\n  next: start it" },
        },
      ],
      new Date("2026-11-13T01:00:00.000Z"),
    );
    assert.deepEqual(lines, [
      "STACK        LAST RESULT                RELEASE               AGE      UP WOULD",
      "dev          released                   web 1.4 aaaaaaaaaaaa  12 days  do nothing",
      "a-long-name  failed: convert-raw        -                     -        run image, check",
      "moved        none                       -                     -        take what is in the store",
      "new          at work: base, hand-image  -                     -        run base",
      `odd          none                       -                     -        ? \\u{1b}[2J1 setting is wrong: ${"x".repeat(75)}…`,
      "far          none                       -                     -        ? no daemon answers",
    ]);
  });
});
