import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { join } from "node:path";

import fc from "fast-check";

import { LineSplitter } from "../../host/lines";
import { programsFolder } from "../../host/project";
import vectors from "../vectors/terminalLines.json";

/** The lines that come out when bytes go in as these chunks. */
function linesOf(chunks: readonly Uint8Array[]): string[] {
  const lines: string[] = [];
  const splitter = new LineSplitter((line) => lines.push(line));
  for (const chunk of chunks) splitter.write(chunk);
  splitter.end();
  return lines;
}

const split = (...texts: string[]) => linesOf(texts.map((text) => Buffer.from(text)));

/** The same bytes, cut at these places. */
function cut(text: string, places: readonly number[]): Uint8Array[] {
  const bytes = Buffer.from(text);
  const at = [0, ...places.map((place) => place % (bytes.length + 1)), bytes.length].sort(
    (a, b) => a - b,
  );
  return at.slice(1).map((end, index) => bytes.subarray(at[index], end));
}

const places = fc.array(fc.nat(), { maxLength: 8 });

/** What programs print: text, line ends of every kind, progress, colors. */
const output = fc
  .array(
    fc.oneof(
      fc.string({ maxLength: 12, unit: "grapheme" }),
      fc.constantFrom("\n", "\r\n", "\r", "\t", " ", "\x1b[1;31m", "\x1b[0m", "\x1b[2K", "»", "ö"),
      fc.constantFrom("\x00", "\x07", "\x1b", "\x7f", "\b"),
    ),
    { maxLength: 40 },
  )
  .map((parts) => parts.join(""));

describe("lines", () => {
  for (const { what, printed, shown } of vectors) {
    it(`are as a terminal leaves them: ${what}`, () => {
      assert.deepEqual(split(`${printed}\n`), [shown]);
    });
  }

  it("are so already where a program in a container tells them", () => {
    const code = `
import json, sys
sys.path.insert(0, ${JSON.stringify(join(programsFolder, "common"))})
import terminal_line
print(json.dumps([terminal_line.left_of(line) for line in json.load(sys.stdin)]))`;
    const { stdout, stderr } = spawnSync("python3", ["-B", "-c", code], {
      ...{ input: JSON.stringify(vectors.map(({ printed }) => printed)), encoding: "utf8" },
    });
    const shown = vectors.map((one) => one.shown);
    assert.deepEqual(JSON.parse(stdout || "null"), shown, stderr);
  });

  it("end at every kind of line end, and at the end", () => {
    assert.deepEqual(split("a\nb\r\nc\rd"), ["a", "b", "c", "d"]);
    assert.deepEqual(split("a\n"), ["a"]);
    assert.deepEqual(split("a\n\nb\n"), ["a", "", "b"]);
    assert.deepEqual(split(), []);
    assert.deepEqual(split(""), []);
  });

  it("are put together of what arrives in pieces", () => {
    assert.deepEqual(split("a", "b", "", "\nc", "d\n"), ["ab", "cd"]);
  });

  it("do not see a line end twice that arrives in two pieces", () => {
    assert.deepEqual(split("a\r", "\nb"), ["a", "b"]);
    assert.deepEqual(split("a\r", "b"), ["a", "b"]);
    assert.deepEqual(split("a\r", "\n"), ["a"]);
    assert.deepEqual(split("a\n", "\nb"), ["a", "", "b"]);
  });

  it("lose colors, cursor movements and control characters, not tabs", () => {
    assert.deepEqual(split("\x1b[1;31mred\x1b[0m\tand\x07 \x1b[2K\x1b[?25lplain\x00\x7f\n"), [
      "red\tand plain",
    ]);
  });

  it("keep characters that arrive byte by byte", () => {
    const bytes = Buffer.from("» größer 🎉\n");
    assert.deepEqual(linesOf([...bytes].map((byte) => Uint8Array.of(byte))), ["» größer 🎉"]);
  });

  it("show what is no text as such, also at the very end", () => {
    assert.deepEqual(linesOf([Uint8Array.of(0x61, 0xff, 0x62, 0x0a)]), ["a\ufffdb"]);
    assert.deepEqual(linesOf([Uint8Array.of(0x61, 0xc3)]), ["a\ufffd"]);
  });

  it("that are endless are cut at 4096 characters, and nothing of them is lost", () => {
    for (const length of [4095, 4096, 4097, 8192, 100_000]) {
      const text = "x".repeat(length);
      for (const chunks of [[text], [text, "\n"], [`${text}\n`], text.match(/.{1,1000}/g)!]) {
        const lines = split(...chunks);
        assert.equal(lines.join(""), text);
        assert.ok(lines.every((line) => line.length <= 4096 && line.length > 0));
        assert.equal(lines.length, Math.ceil(length / 4096));
      }
    }
  });

  it("that never end are passed on while they come", () => {
    const lines: string[] = [];
    const splitter = new LineSplitter((line) => lines.push(line));
    for (let i = 0; i < 20; i++) splitter.write(Buffer.from(".".repeat(1024)));
    assert.equal(lines.join("").length, 4 * 4096);
  });

  it("are the same however the bytes are cut", () => {
    fc.assert(
      fc.property(output, places, (text, where) => {
        assert.deepEqual(linesOf(cut(text, where)), linesOf([Buffer.from(text)]));
      }),
      { numRuns: 500 },
    );
  });

  it("are the same however the bytes of a long line are cut", () => {
    const long = fc
      .array(fc.constantFrom("x".repeat(4095), "y".repeat(70), "\x1b[31m", " ", "ö", "\n"))
      .map((parts) => parts.join(""));
    fc.assert(
      fc.property(long, places, (text, where) => {
        const short = (lines: string[]) => lines.map((line) => `${line.length} ${line.slice(-9)}`);
        assert.deepEqual(short(linesOf(cut(text, where))), short(linesOf([Buffer.from(text)])));
      }),
    );
  });

  it("are short, and nothing in them moves a terminal's cursor, whatever is printed", () => {
    const anything = fc.oneof(output, fc.string({ unit: "binary", maxLength: 300 }));
    fc.assert(
      fc.property(anything, fc.integer({ min: 1, max: 200 }), places, (text, times, where) => {
        for (const line of linesOf(cut(text.repeat(times), where))) {
          assert.ok(line.length <= 4096);
          // oxlint-disable-next-line no-control-regex
          assert.doesNotMatch(line, /[\x00-\x08\x0a-\x1f\x7f]/);
        }
      }),
    );
  });
});
