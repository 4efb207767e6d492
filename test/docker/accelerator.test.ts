import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { probeAccelerator } from "../../executors/accelerator";
import { runPython } from "./programs";
import { docker } from "../site";
import { toolsImage } from "./toolsImage";

describe("the probe of KVM", function () {
  this.timeout(60_000);
  let image: string;
  let folder: string;

  before(async function () {
    image = await toolsImage(this);
  });
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "kragle-probe-"))));
  afterEach(() => rmSync(folder, { recursive: true }));

  function evaluate(expression: string): unknown {
    const script = `import accelerator, json\nprint(json.dumps(${expression}))`;
    return JSON.parse(runPython(image, folder, script));
  }

  it("has a test guest that runs to its end", () => {
    assert.deepEqual(evaluate('accelerator.run_guest("tcg", "max", 40)'), [33, ""]);
  });

  it("has a test guest that is a boot sector", () => {
    const sector = Buffer.from(evaluate("accelerator.boot_sector().hex()") as string, "hex");
    assert.equal(sector.length, 512);
    assert.equal(sector.readUInt16LE(510), 0xaa55);
    // the jump into 64-bit code and the table of descriptors are where the code expects them
    assert.equal(sector.readUInt16LE(0x58), 0x7c5c);
    assert.equal(sector.readUInt32LE(0x9a), 0x7c88);
  });

  it("takes the test guest's own exit code for success, and refuses a guest that is slow", () => {
    assert.equal(evaluate('accelerator.judge(33, "")'), null);
    assert.match(evaluate('accelerator.judge(None, "")') as string, /did not end within 1\.5 s/);
    assert.deepEqual(evaluate('accelerator.run_guest("tcg", "max", 0.01)'), [null, ""]);
  });

  it("repeats QEMU's own words", () => {
    const said = String.raw`"qemu-system-x86_64: warning: host does not support x\r\nqemu-system-x86_64: error: failed to set MSR 0x10a to 0x69\r\n"`;
    assert.equal(
      evaluate(`accelerator.judge(134, ${said})`),
      "QEMU ended with code 134 when it ran a test guest (error: failed to set MSR 0x10a to 0x69)",
    );
    assert.match(evaluate('accelerator.judge(1, "")') as string, /it printed nothing/);
  });

  it("gives a busy machine a second try, and no third", () => {
    const tried = (answers: string) =>
      JSON.parse(
        runPython(
          image,
          folder,
          `
import accelerator, json
answers = ${answers}
accelerator.run_guest = lambda *_: answers.pop(0)
print(json.dumps([accelerator.obstacle(), len(answers)]))`,
        ),
      ) as [string | null, number];
    assert.deepEqual(tried('[(None, ""), (33, ""), (33, "")]'), [null, 1]);
    const [why, left] = tried('[(None, ""), (None, ""), (33, "")]');
    assert.match(why!, /did not end within/);
    assert.equal(left, 1);
  });

  it("tells by a real container why KVM cannot be used, or that it works", async () => {
    const { accelerator, reason } = await probeAccelerator(
      { docker, home: folder },
      { setting: "auto", toolsImage: image },
    );
    assert.match(
      reason,
      accelerator === "kvm"
        ? /^KVM works/
        : /^KVM cannot be used: (this host has no|.* is a directory|QEMU ended with code \d+ when it ran a test guest \(.+\)|a test guest that takes)/,
    );
  });
});
