import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import type { Figure } from "../bench";
import { BuiltClones } from "../builtClones";
import type { Clone } from "../clone";

const COUNT = 30;
const TRIES = 5;

/** A stack of many images of which nothing has changed: how long a run takes that finds that, and how much memory. */
export async function benchImages(say: (line: string) => void): Promise<Figure[]> {
  const built = new BuiltClones();
  await built.open();
  try {
    const settings = Array.from({ length: COUNT }, (_, index) => ({
      provision: [{ run: `echo ${index + 1} >/etc/role` }],
    }));
    await built.addImages(settings);
    const clone = built.make();
    const images = settings.map((own, index) => [`role-${index + 1}`, own] as const);
    built.addStack(clone, "fleet", { images: Object.fromEntries(images) });
    built.addStack(clone, "single", { images: Object.fromEntries(images.slice(0, 1)) });
    const environment = built.environment;
    for (const stack of ["fleet", "single"]) await run(clone, stack, environment);
    const of = async (stack: string) => {
      const runs: (readonly [number, number])[] = [];
      for (let i = 0; i < TRIES; i++) runs.push(await run(clone, stack, environment));
      const [seconds, mebibytes] = [0, 1].map((at) => Math.min(...runs.map((one) => one[at]!)));
      say(`${stack}, nothing changed: ${seconds!.toFixed(2)} s, ${mebibytes!.toFixed(0)} MiB`);
      return { seconds: seconds!, mebibytes: mebibytes! };
    };
    const [single, fleet] = [await of("single"), await of("fleet")];
    return [
      { name: `${COUNT} images, nothing changed`, value: fleet.seconds, atMost: 3, unit: "s" },
      {
        name: `${COUNT} images, nothing changed / one image`,
        value: fleet.seconds / single.seconds,
        atMost: 10,
        unit: "times",
      },
      { name: `memory of that run`, value: fleet.mebibytes, atMost: 300, unit: "MiB" },
    ];
  } finally {
    await built.close();
  }
}

/** @returns seconds, and the most memory that the process had at a time, in MiB */
async function run(
  clone: Clone,
  stack: string,
  environment: NodeJS.ProcessEnv,
): Promise<[number, number]> {
  const started = performance.now();
  const child = clone.start(["up", "-s", stack, "--engine", "embedded"], environment);
  child.stdout.resume();
  child.stderr.resume();
  const ended = once(child, "close");
  let most = 0;
  while (child.exitCode === null && child.signalCode === null) {
    most = Math.max(most, memoryOf(child.pid!));
    await sleep(20);
  }
  const [code, signal] = (await ended) as [number | null, string | null];
  if (code !== 0)
    throw new Error(`up of stack ${stack} ended with ${signal ?? `exit code ${code}`}`);
  return [(performance.now() - started) / 1000, most];
}

/** The most that a process has had until now, in MiB; 0 where it has ended. */
function memoryOf(pid: number): number {
  try {
    const [, kibibytes] = /^VmHWM:\s+(\d+) kB$/m.exec(readFileSync(`/proc/${pid}/status`, "utf8"))!;
    return Number(kibibytes) / 1024;
  } catch {
    return 0;
  }
}
