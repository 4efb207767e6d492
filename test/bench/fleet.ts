import type { Figure } from "../bench";
import { Clone } from "../clone";

/**
 * Builds one image, and three beside each other, all of one base that is in the store already, each with another step; whole runs with check,
 * proof and release count. How many stages run at a time is kragle's own choice for this machine.
 */
export async function benchFleet(say: (line: string) => void): Promise<Figure[]> {
  const clone = new Clone();
  const build = async (stack: string, count: number) => {
    const images = Object.fromEntries(
      Array.from({ length: count }, (_, index) => {
        const run = `echo ${stack} ${index + 1} >/etc/role`;
        return [`role-${index + 1}`, { provision: [{ run }] }];
      }),
    );
    clone.addStack(stack, { formats: [], images });
    const started = performance.now();
    const { code, stderr } = await clone.kragle(["up", "-s", stack, "--engine", "embedded"]);
    if (code !== 0) throw new Error(stderr);
    const seconds = (performance.now() - started) / 1000;
    say(`stack ${stack}, ${count} of one base: ${seconds.toFixed(1)} s`);
    return seconds;
  };
  try {
    // makes the builder and the base, too, which count nowhere
    await build("before", 1);
    const one = await build("one", 1);
    const three = await build("three", 3);
    return [
      {
        ...{ name: "three images of one base, against one", unit: "times" },
        ...{ value: three / one, atMost: 2.2 },
      },
    ];
  } finally {
    clone.remove();
  }
}
