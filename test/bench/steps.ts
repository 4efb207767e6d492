import { readdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { readManifest } from "../../store/manifest";
import type { Figure } from "../bench";
import { Clone } from "../clone";

/** A first step that installs so many packages. */
const PACKAGES = 150;

/** The first of what many libraries without services would bring, in the order in which apt unpacks it: all that they need is among them. */
const INSTALL = `#!/bin/sh
set -eu
export DEBIAN_FRONTEND=noninteractive
apt-get update -q
apt-cache search --names-only '^lib.*-perl$' | cut -d ' ' -f 1 | sort | head -n ${PACKAGES} >/tmp/names
xargs apt-get install -qs --no-install-recommends </tmp/names | awk '/^Inst/ && !/\\[.*\\] \\(/ { print $2 }' | head -n ${PACKAGES} >/tmp/chosen
before=$(dpkg-query -W | wc -l)
xargs apt-get install -qy --no-install-recommends </tmp/chosen >/dev/null
test $(($(dpkg-query -W | wc -l) - before)) -ge ${PACKAGES}
`;

const small = (text: string) => `#!/bin/sh\nset -eu\necho '${text}' >>/srv/steps\n`;

const STEPS = ["packages.sh", "users.sh", "service.sh", "settings.sh", "app.sh"];

/**
 * Builds an image of five steps, the first of which installs 150 packages: with points and without, then with another last step, then with
 * another first one. Only the image stage counts, by its own clock.
 */
export async function benchSteps(say: (line: string) => void): Promise<Figure[]> {
  const clone = new Clone();
  const write = (name: string, text: string) => writeFileSync(clone.path(name), text);
  const seen = new Set<string>();
  /** The seconds of the one image stage that ran. */
  const build = async (what: string, points: string) => {
    clone.addStack("dev", {
      formats: [],
      smoke: "none",
      provision: STEPS,
      points,
      packageCache: "off",
    });
    const { code, stderr } = await clone.kragle(["up", "-s", "dev", "--engine", "embedded"]);
    if (code !== 0) throw new Error(stderr);
    const made = readdirSync(clone.path(".kragle/store")).filter(
      (name) => name.startsWith("image-") && !seen.has(name),
    );
    if (made.length !== 1) throw new Error(`${made.length} images were made: ${what}`);
    seen.add(made[0]!);
    const { seconds, phases } = readManifest(join(clone.path(".kragle/store"), made[0]!));
    const parts = phases.map((phase) => `${phase.name} ${Math.round(phase.seconds)}`);
    say(`${what}: image ${seconds} s (${parts.join(", ")})`);
    return seconds;
  };
  try {
    write(STEPS[0]!, INSTALL);
    for (const name of STEPS.slice(1)) write(name, small(name));
    const cold = await build("five steps, cold", "16 GiB");
    write(STEPS[4]!, small("another last step"));
    const last = await build("another last step", "16 GiB");
    write(STEPS[0]!, `${INSTALL}echo another first step\n`);
    const first = await build("another first step", "16 GiB");
    // twice, as those with points: a mirror and a guest's boot take their time as they like. Each has a key of its own.
    const without: number[] = [];
    for (const turn of [1, 2]) {
      write(STEPS[0]!, `${INSTALL}echo without points ${turn}\n`);
      without.push(await build("five steps, cold, without points", "off"));
    }
    return [
      {
        ...{ name: "another last step of five, against a cold image stage", unit: "times" },
        ...{ value: last / cold, atMost: 0.35 },
      },
      {
        ...{ name: "another first step of five, against a cold image stage", unit: "times" },
        ...{ value: first / cold, atMost: 1.05 },
      },
      {
        ...{ name: "points of five steps, against a cold image stage without", unit: "times" },
        ...{ value: Math.min(cold, first) / Math.min(...without), atMost: 1.03 },
      },
    ];
  } finally {
    clone.remove();
  }
}
