import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, symlinkSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { z } from "zod";

import { StageFailure } from "../../host/failure";
import { outputOf } from "../../host/process";
import { readStageFile } from "../../run/stageFile";

describe("a document that a stage's container left", () => {
  const schema = z.strictObject({ packages: z.number() });
  let work: string;
  let file: string;
  beforeEach(() => {
    work = mkdtempSync(join(tmpdir(), "kragle work ü "));
    file = join(work, "image.json");
  });
  afterEach(() => rmSync(work, { recursive: true }));

  it("is read by its schema", () => {
    writeFileSync(file, '{"packages": 226}');
    assert.deepEqual(readStageFile(work, "image.json", schema), { packages: 226 });
  });

  const wrong: [string, RegExp, () => unknown][] = [
    ["is missing", /is missing$/, () => undefined],
    ["is empty", /JSON input/, () => writeFileSync(file, "")],
    ["is cut", /JSON/, () => writeFileSync(file, '{"packages": 2')],
    ["holds zeroes", /JSON/, () => writeFileSync(file, Buffer.alloc(4096))],
    ["is no UTF-8", /valid/, () => writeFileSync(file, Buffer.from('"\xff"', "latin1"))],
    ["is null", /expected object, received null/, () => writeFileSync(file, "null")],
    ["lacks a field", /packages: .*expected number/, () => writeFileSync(file, "{}")],
    ["has another one", /y/, () => writeFileSync(file, '{"packages": 1, "y": 2}')],
    ["is a folder", /is a folder/, () => mkdirSync(file)],
    ["is a link to a file of this machine", /is a link/, () => symlinkSync("/etc/passwd", file)],
    ["is a FIFO", /no regular file/, () => outputOf(["mkfifo", file])],
    [
      "is larger than any",
      /larger than/,
      () => {
        writeFileSync(file, "");
        truncateSync(file, 2 ** 29 + 1);
      },
    ],
  ];
  for (const [what, why, make] of wrong) {
    it(`fails the stage in words where it ${what}`, async () => {
      await make();
      assert.throws(
        () => readStageFile(work, "image.json", schema),
        (error: Error) => {
          assert.ok(error instanceof StageFailure, error.stack);
          assert.match(error.message, /^the container ended well, but its image\.json is /);
          assert.match(error.message, why);
          assert.ok(!error.message.includes("\n"), error.message);
          assert.equal(error.details.exitCode ?? 1, 1);
          return true;
        },
      );
    });
  }
});
