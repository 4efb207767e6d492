import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { LogFile } from "../../host/logFile";

describe("a log", () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "kragle-log-"))));
  afterEach(() => rmSync(folder, { recursive: true }));

  it("goes on where an earlier one ended, and takes nothing after its end", () => {
    const file = join(folder, "log");
    writeFileSync(file, "earlier\n");
    const log = new LogFile(file);
    log.write("größer");
    log.close();
    log.write("too late");
    log.close();
    assert.equal(readFileSync(file, "utf8"), "earlier\ngrößer\n");
  });

  it("keeps its beginning and its latest lines, however much is written", () => {
    const file = join(folder, "log");
    const log = new LogFile(file, 1000);
    for (let number = 1; number <= 5000; number++) {
      log.write(`line ${number}`);
      assert.ok(statSync(file).size <= 1000);
      assert.ok(readFileSync(file, "utf8").endsWith(`line ${number}\n`));
    }
    log.close();
    const lines = readFileSync(file, "utf8").trimEnd().split("\n");
    assert.equal(lines[0], "line 1");
    assert.deepEqual(
      lines.filter((line) => !/^line \d+$/.test(line)),
      ["[lines are left out here: they were too many]"],
    );
    const numbers = lines.flatMap((line) => /^line (\d+)$/.exec(line)?.[1] ?? []).map(Number);
    assert.ok(numbers.filter((number) => number < 100).length > 40);
    assert.deepEqual(
      numbers,
      numbers.toSorted((a, b) => a - b),
    );
  });
});
