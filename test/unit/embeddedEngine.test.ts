import assert from "node:assert/strict";

import { readStackSettings } from "../../cli/stackSettings";
import { runEmbedded } from "../../engine/embedded";
import type { EngineEvent } from "../../engine/events";
import { parseStack } from "../../settings/stack";
import { makePlan } from "../../preview/stackPlan";
import type { PlannedStage } from "../../plan/imagePlan";
import { NO_DOCKER, RELEASED } from "../devProgram";
import { TemporaryStore } from "../temporaryStore";
import { siteWithoutDocker } from "../site";
import { ownerOf, rootsOf } from "../stacks";

/** A ready builder, so that a run in which everything is in the store needs no Docker at all. */
const values = { ...readStackSettings("dev").values, builderImage: "registry.example/kragle:1" };
const spec = parseStack(values, "dev");
const STEPS = ["base", "check", "convert-raw", "image", "release", "smoke"];

describe("the embedded engine", function () {
  this.timeout(60_000);
  let at: TemporaryStore;
  let environment: Record<string, string>;
  let events: EngineEvent[];

  beforeEach(() => {
    at = new TemporaryStore();
    events = [];
    environment = { KRAGLE_HOME: at.home, ...NO_DOCKER };
    // the stages that it starts have the same store
    Object.assign(process.env, environment);
  });
  afterEach(() => {
    for (const name of Object.keys(environment)) delete process.env[name];
    at.remove();
  });

  const run = async (preview = false, signal = new AbortController().signal) =>
    runEmbedded({
      site: siteWithoutDocker(at.home),
      stack: "dev",
      project: "kragle",
      plan: await makePlan(siteWithoutDocker(at.home), spec, ownerOf(at.home, "dev")),
      ...{ rebuild: [], parallel: Infinity },
      settings: values,
      secretNames: [],
      preview,
      onEvent: (event) => events.push(event),
      signal,
    });

  const publish = ({ description }: PlannedStage, result = {}) =>
    at.publish({ "image.qcow2": "x" }, description, { result });

  async function publishEverything(): Promise<void> {
    const planned = async () =>
      (await makePlan(siteWithoutDocker(at.home), spec, ownerOf(at.home, "dev"))).images[0]!;
    const { plan } = await planned();
    await publish(plan.base!);
    await publish(plan.image);
    const { check, conversions, smoke, release } = (await planned()).proof!;
    for (const planned of [check, ...conversions, smoke!]) await publish(planned);
    await publish(release, RELEASED);
  }

  const roots = async (stack = "dev") => [...(await rootsOf(at.home, stack).list()).keys()];

  it("takes everything from the store without starting anything, and keeps it for the stack", async () => {
    await publishEverything();
    const other = { stage: "convert", key: "1", publishedAt: "x" };
    for (const stack of ["dev", "prod"]) await rootsOf(at.home, stack).set("convert-vmdk", other);
    const outputs = (await run())!;
    assert.equal(outputs.imageSha256, RELEASED.imageSha256);
    assert.deepEqual(outputs.smoke, RELEASED.smoke);
    assert.deepEqual(
      events
        .map((event) =>
          "step" in event && event.kind === "done"
            ? `${event.step} ${event.from}`
            : JSON.stringify(event),
        )
        .sort(),
      STEPS.map((step) => `${step} store`),
    );
    // what the program no longer has is let go, in this stack only
    assert.deepEqual(await roots(), ["base", "check", "convert-raw", "image", "release", "smoke"]);
    assert.deepEqual(await roots("prod"), ["convert-vmdk"]);
  });

  it("gives the same outputs in a preview, and keeps nothing", async () => {
    await publishEverything();
    assert.deepEqual(await run(true), await run());
    const before = await roots();
    await rootsOf(at.home, "dev").dropAll();
    await run(true);
    assert.deepEqual([before.length, await roots()], [6, []]);
  });

  it("knows no outputs in a preview of what was never built, and starts nothing", async () => {
    assert.equal(await run(true), undefined);
    assert.deepEqual(events, []);
    assert.deepEqual(await roots(), []);
  });

  it("ends with the words and the exit code of the stage that failed, and lets nothing go", async function () {
    this.test!.expectRejections = true;
    const planned = async () =>
      (await makePlan(siteWithoutDocker(at.home), spec, ownerOf(at.home, "dev"))).images[0]!;
    const { plan } = await planned();
    await publish(plan.base!);
    await publish(plan.image);
    const other = { stage: "release", key: "1", publishedAt: "x" };
    await rootsOf(at.home, "dev").set("release", other);
    await assert.rejects(run(), (error: Error & { step?: string; exitCode?: number }) => {
      assert.equal(error.constructor.name, "StepFailed");
      assert.match(error.step!, /^(check|convert-raw|smoke)$/);
      assert.match(error.message, /^(check|convert|smoke): /);
      assert.doesNotMatch(error.message, /✗/);
      return true;
    });
    const failed = events.filter(({ kind }) => kind === "failed");
    assert.equal(failed.length, 3);
    const steps = events.flatMap((event) => ("step" in event ? [event.step] : []));
    assert.ok(!steps.includes("release"));
    assert.deepEqual((await rootsOf(at.home, "dev").list()).get("release"), other);
  });

  it("starts nothing more once it was interrupted", async function () {
    this.test!.expectRejections = true;
    await assert.rejects(run(false, AbortSignal.abort()));
    assert.deepEqual(
      events.filter(({ kind }) => kind === "start"),
      [],
    );
  });

  it("leaves no handler behind that would hide other errors", async () => {
    await publishEverything();
    const late = () => new Promise((resolve) => setTimeout(resolve, 200));
    // the run of the test before may still have its own
    await late();
    const before = process.listenerCount("unhandledRejection");
    await run();
    await late();
    assert.equal(process.listenerCount("unhandledRejection"), before);
  });
});
