import assert from "node:assert/strict";
import { mkdirSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { diskBefore, stepOf } from "../../cli/boot/debug";
import type { StageFailure } from "../../host/failure";
import { type BasedPlan, planImage } from "../../plan/imagePlan";
import { plan } from "../../plan/stages/contract";
import { image } from "../../plan/stages/image";
import type { ProvisionStep } from "../../plan/steps";
import type { StageContext } from "../../run/stage";
import { Points } from "../../stages/image/points";
import type { Artifact } from "../../store/artifactStore";
import { kragle } from "../kragle";
import { digest, sampleFiles, sampleSpec } from "../samples";
import { ownerOf } from "../stacks";
import { TemporaryStore } from "../temporaryStore";

const common = { timeout: null, always: false, refreshAfter: null };
const script = (path: string, name: string | null = null): ProvisionStep => ({
  ...{ ...common, kind: "script", script: path, args: [], variables: {}, secrets: [], name },
});
const STEPS = [script("scripts/base.sh"), script("scripts/app.sh", "the app"), script("last.sh")];

describe("a step that is to be looked at", () => {
  it("is named by its number, its name or what stands for one", () => {
    assert.deepEqual(
      ["1", "the app", "scripts/base.sh", "3"].map((given) => stepOf(STEPS, given)),
      [1, 2, 1, 3],
    );
  });

  it("is one that the stack has", () => {
    for (const given of ["0", "4", "scripts/app.sh", ""]) {
      assert.throws(
        () => stepOf(STEPS, given),
        (error: StageFailure) => {
          assert.equal(
            error.message,
            `"${given}" is not a step; the stack has\n  1  scripts/base.sh\n  2  the app\n  3  last.sh`,
          );
          return error.details.exitCode === 2;
        },
      );
    }
    assert.throws(() => stepOf([], "1"), /the stack has none$/);
  });

  it("needs a terminal, as every shell", async () => {
    const at = new TemporaryStore();
    try {
      const { code, stderr } = await kragle(at.home, ["debug", "1"]);
      assert.equal(code, 2);
      assert.match(stderr, /a shell needs a terminal.*\n.*\.\/kragle debug --exec COMMAND/);
    } finally {
      at.remove();
    }
  });
});

describe("the disk before a step", () => {
  let at: TemporaryStore;
  let installed: Artifact;
  const sample = planImage(sampleSpec, sampleFiles, null);
  const steps = STEPS.map((_, index) => ({
    ...{ kind: "script" as const, script: digest(String(index)), args: [], variables: {} },
    secrets: [],
  }));
  const planned: BasedPlan = {
    ...sample,
    image: plan(
      image,
      { ...sample.image.description.inputs, steps },
      sample.image.description.upstream,
    ),
  };
  beforeEach(() => (at = new TemporaryStore()));
  afterEach(() => at.remove());

  /** Takes points after these steps, as a build does. */
  async function take(...taken: readonly number[]): Promise<void> {
    installed = await at.publish({ "disk.qcow2": "the base" }, planned.base.description);
    const { inputs, upstream } = planned.image.description;
    const work = at.place.workFolder("image", digest("f"));
    rmSync(work, { recursive: true, force: true });
    mkdirSync(join(work, "points"), { recursive: true });
    const context = {
      ...{ inputs, upstream, work, store: at.store, rebuild: false, detail: () => undefined },
      ...{ key: digest("f"), owner: ownerOf(at.home, "web"), secrets: {} },
      request: { points: 2 ** 30, steps: STEPS.map(() => ({ title: "" })) },
    } as unknown as StageContext<typeof image>;
    const points = await Points.of(context, installed);
    taken.forEach((step, index) => {
      writeFileSync(join(work, `points/${step}.qcow2`), `after ${step}`);
      const note = { below: taken.slice(0, index), qemu: "7.2.22", seconds: 2 };
      writeFileSync(join(work, `points/${step}.json`), JSON.stringify(note));
    });
    await points.publishDuring(() => Promise.resolve());
  }
  const before = (step: number | undefined) => diskBefore(at.store, "web", planned, STEPS, step);

  it("is what the points after those before it lie on, each at its place in the chain", async () => {
    await take(1, 2);
    const { title, inputs, backing } = await before(3);
    assert.equal(title, "the disk after step 2 (the app)");
    assert.deepEqual(
      inputs.map(({ at: place }) => place),
      ["/chain-0", "/chain-1", "/chain-2"],
    );
    assert.equal(inputs[0]!.path, installed.folder);
    assert.deepEqual(backing, {
      file: "/tmp/chain/2.qcow2",
      format: "qcow2",
      prepare: [
        "mkdir /tmp/chain",
        "ln -s /chain-0/disk.qcow2 /tmp/chain/0.qcow2",
        "ln -s /chain-1/disk.qcow2 /tmp/chain/1.qcow2",
        "ln -s /chain-2/disk.qcow2 /tmp/chain/2.qcow2",
      ],
    });
    assert.equal((await before(2)).title, "the disk after step 1 (scripts/base.sh)");
    assert.equal((await before(2)).backing.file, "/tmp/chain/1.qcow2");
    assert.equal((await before(1)).title, "the disk of the installed base");
    assert.equal((await before(1)).backing.file, "/tmp/chain/0.qcow2");
  });

  it("is that of the step at which the next build goes on, where none is named", async () => {
    await take(1);
    assert.equal((await before(undefined)).title, "the disk after step 1 (scripts/base.sh)");
  });

  it("is the nearest one before it where there is no point, which is told", async () => {
    await take(1);
    assert.equal((await before(3)).title, "the disk after step 1 (scripts/base.sh)");
  });

  it("is none where there is no base", async () => {
    await assert.rejects(before(1), (error: StageFailure) => {
      assert.equal(error.message, "the base, on which the first step runs, is not in the store");
      return error.details.hint === "./kragle up -s web makes it";
    });
  });
});
