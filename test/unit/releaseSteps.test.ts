import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import type { Step } from "../../plan/steps";
import { stepRuns } from "../../release/steps";

type Image = Parameters<typeof stepRuns>[0];

const run = (text: string): Step => ({ kind: "run", run: text, variables: {}, secrets: [] });

describe("the steps that a release tells of", () => {
  let folder: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "kragle steps "));
    mkdirSync(join(folder, "logs"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const phases = (...names: string[]) => names.map((name, index) => ({ name, seconds: index + 1 }));

  const told = (
    steps: readonly Step[] | undefined,
    titles: string[],
    names: string[],
    log = "",
  ) => {
    writeFileSync(join(folder, "logs/scripts.log"), log);
    const manifest = { description: { inputs: steps ? { steps } : {} }, phases: phases(...names) };
    return stepRuns({ folder, manifest } as unknown as Image, titles);
  };

  it("are each with digest, time and what it printed", async () => {
    const log = [
      ...["» builder/templates/x/provision/10-subscribe.sh", "registered", "» a", "one", "two"],
      ...["» b", "» run: something of its own", "three", "» reboot"],
      ...["» builder/provision/90-generalise.sh", "removed\tx", ""],
    ].join("\n");
    const steps: Step[] = [run("echo"), run("echo b"), { kind: "reboot" }];
    const names = ["wait for ssh", "step 1 (a)", "step 2 (b)", "step 3 (reboot)", "generalise"];
    const runs = await told(steps, ["a", "b", "reboot"], names, log);
    assert.deepEqual(
      runs.map(({ sha256: _, ...rest }) => rest),
      [
        { title: "a", kind: "run", seconds: 2, output: "one\ntwo" },
        { title: "b", kind: "run", seconds: 3, output: "» run: something of its own\nthree" },
        { title: "reboot", kind: "reboot", seconds: 4, output: "" },
      ],
    );
    assert.equal(new Set(runs.map(({ sha256 }) => sha256)).size, 3);
    const [again] = await told([run("echo")], ["another title"], []);
    assert.equal(again!.sha256, runs[0]!.sha256);
  });

  it("that did not run, since the build went on from a point behind them, have no time", async () => {
    const steps = [run("1"), run("2")];
    const runs = await told(steps, ["a", "b"], ["wait for ssh", "step 2 (b)"], "» b\nx\n");
    assert.deepEqual(
      runs.map(({ seconds, output }) => [seconds, output]),
      [
        [null, ""],
        [2, "x"],
      ],
    );
  });

  it("are told by number, whatever their titles, also of a guest that was started once more", async () => {
    const steps = Array.from({ length: 11 }, (_, index) => run(String(index)));
    const names = ["step 1 (step 11 ()", "step 1 (step 11 ()", "step 11 (b)"];
    const runs = await told(steps, ["step 11 ("], names);
    assert.deepEqual([runs[0]!.seconds, runs[1]!.seconds, runs[10]!.seconds], [2, null, 3]);
    assert.equal(runs[10]!.title, "run");
  });

  it("are none where there are none, nor a log", async () => {
    assert.deepEqual(await told(undefined, [], []), []);
    rmSync(join(folder, "logs"), { recursive: true });
    const manifest = { description: { inputs: { steps: [run("x")] } }, phases: [] };
    const [only] = await stepRuns({ folder, manifest } as unknown as Image, ["x"]);
    assert.deepEqual([only!.seconds, only!.output], [null, ""]);
    mkdirSync(join(folder, "logs"));
  });
});
