import { benchBuild } from "./bench/build";
import { benchConversion } from "./bench/conversion";
import { benchSteps } from "./bench/steps";

/** One figure of the benchmark: a ratio or seconds, what it may be at most, and how it was made. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly atMost: number;
  readonly unit: "times" | "s" | "MiB";
}

async function main(): Promise<void> {
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  const figures = [
    ...(await benchBuild(say)),
    ...(await benchSteps(say)),
    ...(await benchConversion(say)),
  ];
  const width = Math.max(...figures.map(({ name }) => name.length));
  for (const { name, value, atMost, unit } of figures) {
    const verdict = value <= atMost ? "ok" : "MISSED";
    const figure = `${value.toFixed(2)} ${unit}`.padStart(13);
    process.stdout.write(
      `${name.padEnd(width)} ${figure}   at most ${atMost} ${unit}   ${verdict}\n`,
    );
  }
  if (process.argv.includes("--strict") && figures.some((f) => f.value > f.atMost)) {
    process.exitCode = 1;
  }
}

void main();
