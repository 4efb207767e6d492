import assert from "node:assert/strict";
import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { mock } from "node:test";

import { planRows } from "../../preview/planReport";
import type { ImageSpec } from "../../plan/imageSpec";
import { pointsOf } from "../../plan/stages/point";
import type { ProvisionStep } from "../../plan/steps";
import { lowestFile, pointFile } from "../../store/pointChain";
import { ObservedStack } from "../observedStack";
import { scriptStep } from "../samples";

describe("what the plan finds of an image with points", () => {
  let stack: ObservedStack;
  beforeEach(() => (stack = new ObservedStack()));
  afterEach(() => stack.remove());

  const script = (name: string, content: string) => {
    const path = join(stack.at.home, name);
    writeFileSync(path, content);
    return scriptStep(path);
  };
  const points = 2 ** 30;
  /** Of a run of one and a half seconds. */
  const PHASES = [
    { name: "start guest", seconds: 0.25 },
    { name: "step 1 (a.sh)", seconds: 0.5 },
    { name: "step 2 (b.sh)", seconds: 0.25 },
    { name: "step 3 (c.sh)", seconds: 0.125 },
  ];
  let provision: ProvisionStep[];
  beforeEach(() => {
    provision = ["a", "b", "c"].map((name) => script(`${name}.sh`, `#!/bin/sh\n# ${name}\n`));
  });
  const DAY = 86_400_000;
  afterEach(() => mock.timers.reset());

  /** Publishes what a build of these steps leaves. */
  async function build(change: Partial<ImageSpec> = {}) {
    const { plan: image } = await stack.plan({ points, provision, ...change });
    const installed = await stack.publish(image.base, "base");
    const below = [lowestFile(installed.manifest)];
    for (const { description } of pointsOf(image.image.description)) {
      const result = { disk: "disk.qcow2", qemu: "7.2.22", below: [...below] };
      const taken = await stack.at.publish({ "disk.qcow2": description.stage }, description, {
        result,
      });
      below.push(pointFile(taken.manifest));
    }
    await stack.publish(image.image, "image", PHASES);
    return image.image.key;
  }

  it("names the step that changed, and the point from which the build goes on", async () => {
    await build();
    assert.equal((await stack.rows({ points, provision })).image, "unchanged");
    provision[2] = { ...script("c.sh", "#!/bin/sh\n# other\n"), name: "the last" };
    const found = planRows(await stack.stackPlan({ points, provision })).find(
      ({ stage }) => stage === "image",
    )!;
    assert.match(found.reasons[0]!, /^step 3 \(the last\) changed: script /);
    assert.equal(found.reasons[1], `goes on from the point after step 2 (${stack.at.home}/b.sh)`);
    assert.deepEqual(found.goesOnAfter, { step: 2, title: `${stack.at.home}/b.sh` });
  });

  const expected = async (change: Partial<ImageSpec>) =>
    planRows(await stack.stackPlan({ provision, ...change })).find(
      ({ stage }) => stage === "image",
    )!.expectedSeconds;

  it("expects the time of the last run, without the steps that do not run again", async () => {
    await build();
    provision[2] = script("c.sh", "#!/bin/sh\n# other\n");
    assert.equal(await expected({ points }), 1.5 - 0.5 - 0.25);
    assert.equal(await expected({ points: 0 }), 1.5);
  });

  it("expects also the time of the steps that the last run did not have to run", async () => {
    await build();
    provision[2] = script("c.sh", "#!/bin/sh\n# other\n");
    const { image } = (await stack.plan({ points, provision })).plan;
    await stack.publish(image, "image", [PHASES[0]!, PHASES[3]!]);
    assert.equal(await expected({ points: 0, memoryMiB: 2048 }), 1.5 + 0.5 + 0.25);
    provision[1] = script("b.sh", "#!/bin/sh\n# other\n");
    assert.equal(await expected({ points }), 1.5 + 0.25);
    // of a step of another kind in its place nothing is known
    provision[1] = { ...provision[1], kind: "reboot" };
    assert.equal(await expected({ points }), 1.5);
  });

  it("goes on from none where the first step changed, points are off, or all is built anew", async () => {
    await build();
    const [first, second, third] = provision as [ProvisionStep, ProvisionStep, ProvisionStep];
    const goesOn = async (change: Partial<ImageSpec>) =>
      (await stack.rows(change)).image!.includes("goes on");
    assert.equal(await goesOn({ points, provision: [first, third] }), true);
    assert.equal(await goesOn({ points, provision: [second, third] }), false);
    assert.equal(await goesOn({ provision: [first, third], points: 0 }), false);
    stack.rebuild.push("image");
    assert.equal(await goesOn({ points, provision: [first, third] }), false);
    assert.match(
      (await stack.markerOf("image", { points, provision: [first, third] }))!,
      /^rebuild:absent:/,
    );
  });

  it("runs a step again that is too old, and those after it, until then nothing", async () => {
    mock.timers.enable({ apis: ["Date"], now: Date.UTC(2026, 10, 1, 12) });
    provision[1] = { ...provision[1]!, refreshAfter: 7 * 86_400, name: "the updates" };
    const key = await build();
    mock.timers.setTime(Date.UTC(2026, 10, 1, 12) + 7 * DAY - 1000);
    assert.equal((await stack.plan({ points, provision })).plan.image.key, key);
    mock.timers.setTime(Date.UTC(2026, 10, 1, 12) + 7 * DAY + 1000);
    assert.equal(
      (await stack.rows({ points, provision })).image,
      `will run | step 2 (the updates) is 7 days old, and refreshAfter is 7 days | goes on from the point after step 1 (${stack.at.home}/a.sh)`,
    );
  });

  it("runs a step in every build that is always to run", async () => {
    mock.timers.enable({ apis: ["Date"], now: Date.UTC(2026, 10, 1, 12) });
    provision[2] = { ...provision[2]!, always: true, name: "the date" };
    const key = await build();
    mock.timers.setTime(Date.UTC(2026, 10, 1, 12) + 1000);
    assert.notEqual((await stack.plan({ points, provision })).plan.image.key, key);
    assert.equal(
      (await stack.rows({ points, provision })).image,
      `will run | step 3 (the date) runs in every build (always) | goes on from the point after step 2 (${stack.at.home}/b.sh)`,
    );
  });
});
