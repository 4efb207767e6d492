import { benchBuild } from "./bench/build";
import { benchConversion } from "./bench/conversion";
import { benchFleet } from "./bench/fleet";
import { benchImages } from "./bench/images";
import { benchSteps } from "./bench/steps";

/** One figure of the benchmark: a ratio or seconds, what it may be at most, and how it was made. */
export interface Figure {
  readonly name: string;
  readonly value: number;
  readonly atMost: number;
  readonly unit: "times" | "s" | "MiB";
}

const BENCHES = {
  build: benchBuild,
  steps: benchSteps,
  images: benchImages,
  fleet: benchFleet,
  conversion: benchConversion,
};

/** Runs the benches that the command line names, or all. */
async function main(): Promise<void> {
  const say = (line: string) => void process.stderr.write(`${line}\n`);
  const named = process.argv.slice(2).filter((word) => word !== "--strict");
  const unknown = named.find((word) => !Object.hasOwn(BENCHES, word));
  if (unknown !== undefined) {
    say(`bench: unknown bench ${unknown}; allowed are ${Object.keys(BENCHES).join(", ")}`);
    process.exitCode = 2;
    return;
  }
  const figures: Figure[] = [];
  for (const [name, bench] of Object.entries(BENCHES)) {
    if (named.length === 0 || named.includes(name)) figures.push(...(await bench(say)));
  }
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
