import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { consoleSigns, FATAL_SIGNS } from "../../run/signs";
import { CONSOLES, FATAL_LINES, NO_PROMPTS, PROMPTS } from "../consoleLines";
import { runPython } from "./programs";
import { toolsImage } from "./toolsImage";

interface Heard {
  readonly lost: string | null;
  readonly stall: string | null;
  readonly goesOn: boolean;
  readonly prompted: boolean;
}

const WATCH = `
import json
from qemu_watch import QemuWatch
job = json.load(open("/w/job.json"))
heard = []
for text in job["consoles"]:
    with open("/tmp/serial.log", "w", newline="") as file:
        file.write(text)
    watch = QemuWatch("/tmp", "/tmp/qemu.log", "/tmp/serial.log", job["signs"], 600)
    began = watch.went_on
    watch.is_lost()
    heard.append({"lost": watch.lost, "stall": watch.stall, "goesOn": watch.went_on > began, "prompted": watch.prompted})
print(json.dumps(heard))
`;

describe("the watch of a guest's console while Packer works", function () {
  this.timeout(60_000);
  let image: string;
  let folder: string;

  before(async function () {
    image = await toolsImage(this);
  });
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "kragle-signs-"))));
  afterEach(() => rmSync(folder, { recursive: true }));

  function hear(consoles: readonly string[]): Heard[] {
    writeFileSync(join(folder, "job.json"), JSON.stringify({ signs: consoleSigns(), consoles }));
    return JSON.parse(runPython(image, folder, WATCH)) as Heard[];
  }

  it("understands every fatal sign as the boot's watch does", () => {
    const heard = hear(FATAL_LINES.map((line) => `\r\n\u001b[0m${line}`));
    FATAL_LINES.forEach((line, index) => {
      const sign = FATAL_SIGNS.find(({ pattern }) => pattern.test(line));
      assert.equal(heard[index]!.lost, sign!.meaning, line);
    });
  });

  it("hears alike whether the guest goes on, and that its kernel is stuck", () => {
    const heard = hear(CONSOLES.map(({ text }) => text));
    CONSOLES.forEach(({ what, goesOn, stall }, index) => {
      const { lost, ...said } = heard[index]!;
      assert.equal(lost, null, what);
      assert.deepEqual(said, { goesOn, stall, prompted: false }, what);
    });
  });

  it("knows the login prompt", () => {
    for (const { prompted } of hear(PROMPTS)) assert.ok(prompted);
    for (const { prompted } of hear(NO_PROMPTS)) assert.ok(!prompted);
  });
});
