import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import fc from "fast-check";

import { LogFile, LONGEST_LOG } from "../../host/logFile";
import { runPython } from "./programs";
import { toolsImage } from "./toolsImage";

const LONGEST = 300;

const WRITE = `
import json, stage
for number, lines in enumerate(json.load(open("/w/logs.json"))):
    log = stage.Log(f"/w/{number}.python", ${LONGEST})
    for line in lines:
        log.write(line + "\\n")
log = stage.Log("/w/pieces", ${LONGEST})
for number in range(1000):
    log.write(f"piece {number} ")
print(stage.LONGEST_LOG)
`;

describe("the logs of a container's programs", function () {
  this.timeout(60_000);

  it("are written as those of this side, to the byte", async function () {
    const image = await toolsImage(this);
    const folder = mkdtempSync(join(tmpdir(), "kragle-logs-"));
    try {
      const line = fc.string({ maxLength: 60, unit: fc.constantFrom(..."aü😀 ") });
      const logs = fc.sample(fc.array(line, { minLength: 4, maxLength: 40, size: "max" }), 40);
      writeFileSync(join(folder, "logs.json"), JSON.stringify(logs));
      assert.equal(Number(runPython(image, folder, WRITE)), LONGEST_LOG);
      let cut = 0;
      logs.forEach((lines, number) => {
        const ours = join(folder, `${number}.ours`);
        const log = new LogFile(ours, LONGEST);
        lines.forEach((text) => log.write(text));
        log.close();
        const text = readFileSync(ours, "utf8");
        assert.equal(readFileSync(join(folder, `${number}.python`), "utf8"), text);
        if (text.includes("[lines are left out here")) cut++;
      });
      assert.ok(cut > 0 && cut < logs.length, `${cut} of ${logs.length} were cut`);
      // a program's output comes in pieces, too
      assert.match(
        readFileSync(join(folder, "pieces"), "utf8"),
        /^(piece \d+ )+\n\[lines are left out here: they were too many\]\n(piece \d+ )+$/,
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});
