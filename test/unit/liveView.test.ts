import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";

import { phaseOf, shareOf, stepOf } from "../../cli/view/lines";

describe("the view on a terminal", function () {
  this.timeout(60_000);
  let lines: string[];

  before(async () => {
    // script(1) gives the program a terminal
    const program = `stty rows 40 cols 100; exec '${process.execPath}' -r ./setup/loader.cjs test/unit/liveRun.ts`;
    const { CI: _, ...environment } = process.env;
    const { stdout } = await promisify(execFile)("script", ["-qec", program, "/dev/null"], {
      cwd: resolve(__dirname, "../.."),
      env: { ...environment, LANG: "C.UTF-8", TERM: "xterm" },
    });
    // oxlint-disable-next-line no-control-regex -- a terminal's own
    lines = stdout.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, "").split(/\r?\n/);
  });

  const signs = (line: RegExp) =>
    new Set(lines.filter((text) => line.test(text)).map((text) => text.trim()[0]));

  it("turns the sign of what is at work, and leaves that of what waits alone", () => {
    assert.ok(signs(/ base /).size > 3, lines.join("\n"));
    // one more in the frame in which it is given up
    assert.ok(signs(/ release +waiting/).size <= 2, lines.join("\n"));
    assert.ok(lines.some((line) => /total +2 s, about .* left/.test(line)));
  });

  it("has a bar by size where one is told, and what is left by earlier runs", () => {
    const half = /base +█{10}░{10} 2 s of about 10 min.* +fetch the ISO/;
    assert.ok(
      lines.some((line) => half.test(line)),
      lines.join("\n"),
    );
    assert.ok(lines.some((line) => line.includes("512 MiB of 1.0 GiB, about 2 min left")));
  });

  it("has a line for each of the user's steps, while they run", () => {
    assert.ok(signs(/ 2 files \/srv +1 s/).size > 1, lines.join("\n"));
    assert.ok(lines.some((line) => / 4 reboot waiting/.test(line)));
  });

  it("ends with what came of each stage and step and the time that all took, with nothing left", () => {
    const last = lines.slice(-14).join("\n");
    assert.match(last, /base +3 s/);
    assert.match(last, /builder +store/);
    assert.match(last, /1 packages nginx +kept/);
    assert.match(last, /2 files \/srv +1 s/);
    assert.match(last, /3 scripts\/app\.sh/);
    assert.match(last, /4 reboot +not reached/);
    assert.match(last, /step 3 \(scripts\/app\.sh\) ended with 1/);
    assert.match(last, /release +not reached/);
    assert.match(last, /total +5 s$/m);
  });

  it("takes nothing that a program prints for more than it is", () => {
    assert.equal(phaseOf("» step 12 (a)"), "step 12 (a)");
    assert.equal(phaseOf(" » x"), undefined);
    assert.equal(stepOf("step 12 (a)"), 12);
    assert.equal(stepOf("step back"), undefined);
    assert.equal(shareOf("1.5 GiB of 2.0 GiB"), 0.75);
    assert.equal(shareOf("512 KiB of 1 MiB, 2 s left"), 0.5);
    assert.equal(shareOf("3 GiB of 2 GiB"), 1);
    for (const text of ["1 of 2", "0 MiB of 0 MiB", "copied 1 MiB of 2 MiB", "1 MiB of 2 MiBx"]) {
      assert.equal(shareOf(text), undefined, text);
    }
  });
});
