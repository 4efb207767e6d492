import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import {
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import fc from "fast-check";
import { z } from "zod";

import { takeWarnings } from "../warnings";
import { nameOfAside, readRecord } from "../../host/record";

const schema = z.object({ name: z.string(), count: z.number() });
const AGAIN = "it is counted again";

describe("host: records", () => {
  takeWarnings();
  let folder: string;
  let file: string;
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "kragle record "));
    file = join(folder, "record.json");
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const read = () => readRecord(file, schema, AGAIN);

  it("come back as they were written; one that is absent is none", async () => {
    assert.equal(await read(), undefined);
    writeFileSync(file, '{"name":"ö","count":1}');
    assert.deepEqual(await read(), { name: "ö", count: 1 });
    assert.deepEqual(readdirSync(folder), ["record.json"]);
  });

  it("are put aside whatever they were cut to or overwritten with, and never throw", async () => {
    const whole = Buffer.from(JSON.stringify({ name: "ö", count: 1 }));
    const content = fc.oneof(
      fc.uint8Array({ maxLength: 64 }).map((bytes) => Buffer.from(bytes)),
      fc.nat(whole.length - 1).map((at) => whole.subarray(0, at)),
      fc.json().map((text) => Buffer.from(text)),
    );
    await fc.assert(
      fc.asyncProperty(content, async (bytes) => {
        writeFileSync(file, bytes);
        assert.equal(await read(), undefined);
        const [aside, ...others] = readdirSync(folder);
        assert.deepEqual(others, []);
        assert.equal(nameOfAside(aside!), "record.json");
        assert.deepEqual(readFileSync(join(folder, aside!)), bytes);
        rmSync(join(folder, aside!));
      }),
      { numRuns: 100 },
    );
  });

  it("are files: what else has their name is neither read, waited for nor moved", async () => {
    const others = {
      folder: () => mkdirSync(file),
      link: () => {
        writeFileSync(join(folder, "other"), '{"name":"other","count":1}');
        symlinkSync("other", file);
      },
      pipe: () => execFileSync("mkfifo", [file]),
      "file of 100 MB": () => execFileSync("truncate", ["-s", "100M", file]),
    };
    for (const [what, make] of Object.entries(others)) {
      make();
      assert.equal(await read(), undefined, what);
      assert.ok(readdirSync(folder).includes("record.json"), what);
      rmSync(file, { recursive: true });
    }
  });
});
