import assert from "node:assert/strict";
import { readdirSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import type { Clone } from "../clone";
import { describeInFullTier } from "../fullTier";
import { inSequence } from "../inSequence";
import { sharedClone } from "../sharedClone";
import { imageList } from "./imageLists";

const MINUTES = 60_000;

const STEPS: Readonly<Record<string, string>> = {
  "one.sh": "apt-get update -q && apt-get install -qy --no-install-recommends tree",
  "two.sh": "useradd --create-home app; echo two >/srv/two",
  "three.sh": "echo three >/etc/three; rm /srv/two",
  "four.sh": "echo four >/srv/four; systemctl mask apt-daily.timer",
};

/** How many points a store has. */
const pointsIn = (store: string) =>
  readdirSync(store).filter((name) => name.startsWith("point-")).length;

/** Deletes what no stack uses, as soon as all that a killed run has left lets it. */
async function collected(clone: Clone): Promise<void> {
  for (;;) {
    const { code } = await clone.kragle(["gc"]);
    if (code === 0) return;
    await sleep(1000);
  }
}

// images of their own, minutes
describeInFullTier("an image whose build went on from a point", function () {
  this.timeout(40 * MINUTES);
  inSequence();

  let clone: Clone;
  before(() => {
    clone = sharedClone();
    for (const [name, text] of Object.entries(STEPS)) {
      writeFileSync(clone.path(name), `#!/bin/sh\nset -eu\n${text}\n`);
    }
    clone.addStack("resumed", {
      ...{ provision: Object.keys(STEPS), points: "4 GiB", formats: [], smoke: "none" },
    });
  });
  const up = async (...more: string[]) => {
    const all = ["up", "-s", "resumed", "--engine", "embedded", ...more];
    const { code, stderr, stdout } = await clone.kragle(all);
    assert.equal(code, 0, stderr + stdout);
    return stderr;
  };
  const list = (name: string) => imageList(clone, "resumed", name);

  it("runs the changed step and those after it", async () => {
    await up();
    writeFileSync(clone.path("three.sh"), "#!/bin/sh\necho 3 >/etc/three; rm /srv/two\n");
    const told = await up();
    assert.match(told, /goes on from the point after step 2 \(two\.sh\)/);
    const ran = [...told.matchAll(/» step \d+ \((\w+\.sh)\)/g)].map(([, name]) => name);
    assert.deepEqual(ran, ["three.sh", "four.sh"]);
  });

  it("has the packages and files of one that was built in one go", async () => {
    const [packages, files] = [list("packages.tsv"), list("files.tsv")];
    assert.ok(packages.some((line) => line.startsWith("tree\t")));
    const told = await up("--rebuild", "image");
    assert.doesNotMatch(told, /goes on from/);
    assert.deepEqual(list("packages.tsv"), packages);
    assert.deepEqual(list("files.tsv"), files);
  });

  it("goes on from what a killed run had taken, which gc has kept", async () => {
    writeFileSync(clone.path("three.sh"), "#!/bin/sh\necho III >/etc/three; rm /srv/two\n");
    writeFileSync(clone.path("four.sh"), "#!/bin/sh\nsleep 1000\n");
    const run = clone.start(["up", "-s", "resumed", "--engine", "embedded"]);
    const store = clone.path(".kragle/store");
    const before = pointsIn(store);
    while (pointsIn(store) === before && run.exitCode === null) await sleep(500);
    run.kill("SIGKILL");
    await collected(clone);
    writeFileSync(clone.path("four.sh"), "#!/bin/sh\necho four >/srv/four\n");
    assert.match(await up(), /goes on from the point after step 3 \(three\.sh\)/);
  });

  it("begins with an earlier point where a guest does not start from the last one, and does not try that again", async () => {
    const target = "/etc/systemd/system/default.target";
    writeFileSync(
      clone.path("three.sh"),
      `#!/bin/sh\nln -sf /lib/systemd/system/poweroff.target ${target}; rm /srv/two\n`,
    );
    const four = (text: string) => `#!/bin/sh\nrm ${target}; echo ${text} >/srv/four\n`;
    writeFileSync(clone.path("four.sh"), four("IV"));
    await up();
    writeFileSync(clone.path("four.sh"), four("4"));
    const told = await up();
    assert.match(told, /started from the point after step 3 did not answer: the guest powered off/);
    assert.match(
      told,
      /the build begins with the point after step 2, and no point is taken from step 3 on/,
    );
    writeFileSync(clone.path("four.sh"), four("four"));
    const again = await up();
    assert.match(again, /from the point after step 3 no guest answered/);
    assert.match(again, /goes on from the point after step 2/);
    assert.doesNotMatch(again, /did not answer/);
  });
});
