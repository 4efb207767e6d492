import assert from "node:assert/strict";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { parseSettings } from "../../settings/stack";
import { writeObstacle } from "../../host/writable";
import { machineWarnings } from "../../settings/machine";

const machine = {
  memoryBytes: 4 * 2 ** 30,
  processors: 2,
  now: new Date("2026-11-29T12:00:00Z"),
  mirrorObstacles: [] as string[],
};

const warnings = (values: Record<string, unknown>, change: Partial<typeof machine> = {}) =>
  machineWarnings(parseSettings(values, "x"), "kragle", { ...machine, ...change });

describe("what the settings ask of a machine", () => {
  let folder: string;
  before(() => (folder = mkdtempSync(join(tmpdir(), "kragle machine "))));
  after(() => rmSync(folder, { recursive: true }));

  it("gets no word where it is there", () => {
    assert.deepEqual(warnings({}), []);
    const fitting = { memory: "2 GiB", snapshot: "2026-11-29", publish: [{ folder }] };
    assert.deepEqual(warnings(fitting), []);
  });

  it("is named by its setting where it is not", () => {
    assert.deepEqual(warnings({ memory: "900 GiB", cpus: 64, snapshot: "2027-11-01" }), [
      "kragle:memory: this machine has 4.0 GiB, and the guest with its emulator needs 900.5 GiB",
      "kragle:cpus: this machine has 2, and 64 are asked for; a guest with more is slower, not faster",
      "kragle:snapshot: 2027-11-01 is still to come by this machine's clock (2026-11-29); no mirror has that day",
    ]);
    assert.deepEqual(warnings({}, { mirrorObstacles: ["a: b"] }), ["package mirror: a: b"]);
  });

  it("names a place of copies that is not there, or can be none", () => {
    const missing = join(folder, "not", "there");
    assert.deepEqual(warnings({ publish: [{ folder: missing }] }), [
      `kragle:publish: ${missing} is not there; it is made`,
    ]);
    const file = join(folder, "file");
    writeFileSync(file, "");
    assert.equal(writeObstacle(join(file, "below")), `${file} is no folder`);
    assert.match(writeObstacle(`/${"n".repeat(300)}`) ?? "", /cannot be written/);
  });
});
