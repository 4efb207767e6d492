import assert from "node:assert/strict";
import { readFileSync, writeFileSync } from "node:fs";

import type { Clone } from "../clone";
import { inSequence } from "../inSequence";
import { sharedClone } from "../sharedClone";

const MINUTES = 60_000;

const STEPS: Readonly<Record<string, string>> = {
  "one.sh": "apt-get update -q && apt-get install -qy --no-install-recommends tree",
  "two.sh": "useradd --create-home app; echo two >/srv/two",
  "three.sh": "echo three >/etc/three; rm /srv/two",
  "four.sh": "echo four >/srv/four; systemctl mask apt-daily.timer",
};

/** What may differ between two builds that run the same steps. */
const OF_THE_RUN = /\t\/(etc\/(shadow|passwd)-?|var\/lib\/dpkg\/status.*)$/;

// images of their own, minutes
(process.env.KRAGLE_TEST_FULL ? describe : describe.skip)(
  "an image whose build went on from a point",
  function () {
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
    const list = (name: string) =>
      readFileSync(clone.path(`build/resumed/output/evidence/check/${name}`), "utf8")
        .split("\n")
        .filter((line) => !OF_THE_RUN.test(line));

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
  },
);
