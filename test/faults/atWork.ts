import assert from "node:assert/strict";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { OWNER } from "../../release/layout";
import { docker } from "../site";
import { readdirIfThere, storeIdOf } from "./invariants";
import type { Run } from "./run";

/** QEMU that runs a guest, not one that is asked for its version. */
export const QEMU = /^qemu-system.* -drive /;

/** The stages of a stack with the format raw, and the program in each one's container that shows that it is at work. */
export const PROGRAMS = {
  base: /mmdebstrap/,
  image: QEMU,
  check: /inspect_image/,
  "convert-raw": /^qemu-img/,
  smoke: QEMU,
} as const;

/** The stage program of a stage: "convert" of "convert-raw". */
const programOf = (stage: string) => stage.split("-")[0]!;

/** The folders of a stage's results in the store. */
export const resultsOf = (home: string, stage: string) =>
  readdirIfThere(join(home, "store")).filter((name) => name.startsWith(`${programOf(stage)}-`));

/** Waits until the program runs in the stage's container; gives the container and the program's process id. */
export async function untilAtWork(run: Run, home: string, stage: string, program: RegExp) {
  for (;;) {
    for (const name of readdirIfThere(join(home, "work"))) {
      if (!name.startsWith(`${programOf(stage)}-`)) continue;
      const key = name.slice(name.lastIndexOf("-") + 1);
      // another store may be at the same work
      const label = [`kragle.store=${storeIdOf(home)}`, `kragle.key=${key}`];
      const [found] = await docker.listContainers({ filters: { label } });
      if (!found) continue;
      const container = docker.getContainer(found.Id);
      const top = (await container.top({ ps_args: "-eo pid,args" }).catch(() => undefined)) as
        { Processes: string[][] } | undefined;
      const process = top?.Processes.find(([, words]) => program.test(words!));
      if (process) return { container, pid: Number(process[0]) };
    }
    if (run.isOver) throw new Error(`${stage} did not run:\n${(await run.ended).stderr}`);
    await sleep(50);
  }
}

/** Waits until a release copies its files, which it does without a container. */
export async function untilReleaseCopies(run: Run, output: string): Promise<void> {
  while (unfinishedIn(output).length === 0) {
    if (run.isOver) throw new Error(`release did not run:\n${(await run.ended).stderr}`);
    await sleep(5);
  }
}

/** What has not been finished yet, or was left behind; what a release makes begins with a dot, and so does its mark, which stays. */
const unfinishedIn = (folder: string, begins = ".") =>
  readdirIfThere(folder).filter((name) => name.startsWith(begins) && name !== OWNER);

/** What a killed process has begun in a folder is removed after its end, by another process. */
export async function assertNoneUnfinished(folder: string, begins?: string): Promise<void> {
  const deadline = Date.now() + 10_000;
  while (unfinishedIn(folder, begins).length > 0) {
    assert.ok(Date.now() < deadline, `left behind: ${unfinishedIn(folder, begins).join(", ")}`);
    await sleep(50);
  }
}
