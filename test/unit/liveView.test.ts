import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { resolve } from "node:path";
import { promisify } from "node:util";

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
    // eslint-disable-next-line no-control-regex -- a terminal's own
    lines = stdout.replace(/\x1b\[[0-9;?]*[A-Za-z]/g, "").split(/\r?\n/);
  });

  const signs = (line: RegExp) =>
    new Set(lines.filter((text) => line.test(text)).map((text) => text.trim()[0]));

  it("turns the sign of what is at work, and leaves that of what waits alone", () => {
    assert.ok(signs(/ base /).size > 3, lines.join("\n"));
    // one more in the frame in which it is given up
    assert.ok(signs(/ release +waiting/).size <= 2, lines.join("\n"));
    assert.ok(lines.some((line) => /base +░+ 2 s of about 10 min.* +install packages/.test(line)));
    assert.ok(lines.some((line) => /total +2 s, about .* left/.test(line)));
  });

  it("ends with what came of each step and the time that all took, with nothing left", () => {
    const last = lines.slice(-8).join("\n");
    assert.match(last, /base +3 s/);
    assert.match(last, /image +store/);
    assert.match(last, /it breaks a rule/);
    assert.match(last, /release +not reached/);
    assert.match(last, /total +3 s$/m);
  });
});
