import assert from "node:assert/strict";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import fc from "fast-check";

import { LineSplitter } from "../../host/lines";
import { Redactor } from "../../host/redactor";

const SECRET = "s3cr3t/of+run ü&<";
const base64 = (text: string) => Buffer.from(text).toString("base64");

/** Secrets without the mask's own character, with which no mask could be told from a secret. */
const secrets = fc.array(
  fc
    .string({ minLength: 4, maxLength: 24, unit: "grapheme-ascii" })
    .filter((text) => text.trim().length >= 4 && !text.includes("*")),
  { minLength: 1, maxLength: 3 },
);
const forms = [
  (s: string) => s,
  (s: string) => encodeURIComponent(s),
  (s: string) => JSON.stringify(s),
  (s: string) => base64(s),
  (s: string) => base64(`u:${s}@host`),
  (s: string) => base64(`u${s}`),
];
const cuts = fc.array(fc.nat(), { maxLength: 12 });

/** A text in which secrets stand between others, in any form. */
function textOf(all: readonly string[], parts: readonly [number, number, string][]): string {
  return parts
    .map(([which, form, noise]) => noise + forms[form % 6]!(all[which % all.length]!))
    .join("");
}

function cut<T extends { slice(from: number, to?: number): T; readonly length: number }>(
  whole: T,
  places: readonly number[],
): T[] {
  const at = [...places.map((place) => place % (whole.length + 1)), whole.length];
  at.sort((a, b) => a - b);
  return at.map((end, index) => whole.slice(at[index - 1] ?? 0, end));
}

const parts = fc.array(
  fc.tuple(fc.nat(2), fc.nat(5), fc.string({ maxLength: 8, unit: fc.constantFrom(..."ab{=%\\") })),
  { maxLength: 8 },
);

describe("the redactor", () => {
  const redact = (text: string, ...all: string[]) => new Redactor(all).redact(text);

  it("masks every form of a secret", () => {
    assert.equal(redact(`password=${SECRET}!`, SECRET), "password=***!");
    assert.equal(redact(`x ${encodeURIComponent(SECRET)} y`, SECRET), "x *** y");
    assert.equal(redact("x s3cr3t%2fof%2brun+%c3%bc%26%3c y", SECRET), "x *** y");
    assert.equal(redact(`{"a":"${String.raw`a\"b\\c`}"}`, `a"b\\c`), '{"a":"***"}');
    assert.equal(redact(String.raw`s3cr3t/of+run \u00fc\u0026\u003c`, SECRET), "***");
    assert.equal(redact(String.raw`s3cr3t\/of+run ü&<`, SECRET), "***");
    // at its ends a secret shares characters with what stands beside it
    for (const before of ["", "u", "uv", "uvw"]) {
      const text = base64(`${before}${SECRET}tail`);
      const [head, tail] = redact(text, SECRET).split("***");
      assert.ok(head!.length + tail!.length <= 14, redact(text, SECRET));
    }
  });

  it("takes each line of a secret of several lines for one", () => {
    const key = "-----BEGIN KEY-----\nAAAAB3NzaC1yc2E\n-----END KEY-----\n";
    assert.equal(redact("  AAAAB3NzaC1yc2E\\n", key), "  ***\\n");
    assert.equal(redact(key, key), "***\n***\n***\n");
  });

  it("makes one mask of secrets that overlap or touch", () => {
    assert.equal(redact("abcdef|abcdabcd|", "abcd", "cdef"), "***|***|");
  });

  it("leaves everything else, and what is too short to be told from chance", () => {
    assert.equal(redact("an abc of it", "abc", "", "  "), "an abc of it");
    assert.equal(redact("s3cr3t", SECRET), "s3cr3t");
  });

  it("gives the same for every cut, and never the secret", () => {
    fc.assert(
      fc.property(secrets, parts, cuts, (all, pieces, places) => {
        const text = textOf(all, pieces);
        const redactor = new Redactor(all);
        const whole = redactor.redact(text);
        const stream = redactor.stream();
        const streamed = cut(text, places).map((piece) => stream.write(piece));
        assert.equal(streamed.join("") + stream.end(), whole);
        for (const secret of all) {
          for (const shown of [secret.trim(), JSON.stringify(secret.trim()).slice(1, -1)]) {
            assert.ok(!whole.includes(shown), whole);
          }
        }
      }),
    );
  });

  it("keeps secrets out of lines, also of those that are cut for their length", () => {
    fc.assert(
      fc.property(fc.integer({ min: 4080, max: 4100 }), cuts, (length, places) => {
        const bytes = Buffer.from(`${"x".repeat(length)}${SECRET} and so on\r\n${SECRET}\n`);
        const lines: string[] = [];
        const splitter = new LineSplitter((line) => lines.push(line), new Redactor([SECRET]));
        for (const piece of cut(bytes, places)) splitter.write(piece);
        splitter.end();
        assert.equal(lines.join(""), `${"x".repeat(length)}*** and so on***`);
      }),
    );
  });

  it("sees a secret that goes on in the next line, wherever its base64, its hexadecimal or itself is cut", () => {
    const hexadecimal = Buffer.from(SECRET).toString("hex");
    const redactor = new Redactor([SECRET]);
    // hexadecimal is cut between bytes
    const cases: [string, number][] = [
      [base64(`user:${SECRET}:x`), 1],
      [hexadecimal, 2],
      [`a ${SECRET} b`, 1],
    ];
    for (const [whole, step] of cases) {
      const masked = redactor.redact(whole);
      for (let width = 10; width <= whole.length; width += step) {
        const lines: string[] = [];
        const splitter = new LineSplitter((line) => lines.push(line), redactor);
        for (const line of whole.match(new RegExp(`.{1,${width}}`, "g"))!) {
          splitter.write(Buffer.from(`${line}\n`));
        }
        splitter.end();
        // so few characters at a line's end are there by chance
        assert.ok(
          lines.join("").length <= masked.length + 3 * step,
          `${width}: ${lines.join("|")}`,
        );
      }
    }
  });

  it("sees a secret in a dump wherever it stands there, its column of text included", () => {
    const secret = "correct-horse.battery/staple+01";
    const redactor = new Redactor([secret]);
    for (let before = 0; before < 16; before++) {
      const bytes = Buffer.from(`${"x".repeat(before)}${secret} ${"y".repeat(40)}`);
      const splitter = new LineSplitter((line) => lines.push(line), redactor);
      const lines: string[] = [];
      for (let offset = 0; offset < bytes.length; offset += 16) {
        const row = bytes.subarray(offset, offset + 16);
        const pairs = row.toString("hex").replace(/../g, "$& ").padEnd(48);
        const number = offset.toString(16).padStart(8, "0");
        splitter.write(Buffer.from(`${number}  ${pairs} |${row.toString("latin1")}|\n`));
      }
      splitter.end();
      // so few bytes at a line's end are there by chance, and so may be what their column of text shows
      const left = lines.join("").replaceAll("***", "");
      assert.doesNotMatch(left, /rrect|horse|battery|staple|72 65 63|2e 62 61|73 74 61/, left);
    }
  });

  it("looks through a log of 4 MiB within seconds, also for a key of many lines", () => {
    const log = "2026-01-01 12:00:07 Unpacking libssl3t64:amd64 (3.5.1-1) over (3.5.0-2) ...\n";
    const key = Array.from({ length: 50 }, (_, n) => base64(`${n}`.padEnd(48, "k3y")));
    const lines: string[] = [];
    const splitter = new LineSplitter(
      (line) => lines.push(line),
      new Redactor([SECRET, key.join("\n")]),
    );
    const started = process.cpuUsage();
    splitter.write(Buffer.from(log.repeat(2 ** 22 / log.length)));
    splitter.end();
    assert.equal(lines.length, Math.floor(2 ** 22 / log.length));
    // several times what it takes, by a processor's clock, since others may keep the machine busy
    const { user } = process.cpuUsage(started);
    assert.ok(user < 5_000_000, `${user} microseconds`);
  });

  it("holds no line back that ends in nothing of a secret", () => {
    const lines: string[] = [];
    const splitter = new LineSplitter((line) => lines.push(line), new Redactor([SECRET]));
    splitter.write(Buffer.from("one\ntwo s3cr\n"));
    assert.deepEqual(lines, ["one"]);
    splitter.write(Buffer.from("three\n"));
    assert.deepEqual(lines, ["one", "two s3cr", "three"]);
  });

  /** Fails unless a line shows no secret, wherever its output is cut in two. */
  function isMasked(line: string, what: string): void {
    const bytes = Buffer.from(line);
    for (let at = 0; at <= bytes.length; at++) {
      const lines: string[] = [];
      const splitter = new LineSplitter((text) => lines.push(text), new Redactor([SECRET]));
      splitter.write(bytes.subarray(0, at));
      splitter.write(bytes.subarray(at));
      splitter.end();
      assert.deepEqual(lines, ["a *** b"], JSON.stringify(what));
    }
  }

  it("sees a secret with any escape sequence of a terminal in it, however that arrives", () => {
    for (const escape of [
      "\x1b(B\x1b[m",
      "\x1b]0;a title\x07",
      "\x1b]8;;x\x1b\\",
      "\x1b[>4;1m",
      "\x1b7",
      "\0",
    ]) {
      isMasked(`a ${SECRET.slice(0, 5)}${escape}${SECRET.slice(5)} b\n`, escape);
    }
  });

  it("sees the beginning of a secret where a program in a container has cut a line or a log", () => {
    const redactor = new Redactor([SECRET]);
    for (const written of [SECRET, base64(SECRET), Buffer.from(SECRET).toString("hex")]) {
      for (let length = 10; length < written.length; length++) {
        for (const cutOff of [
          "…",
          "…\nnext",
          "\n[lines are left out here: they were too many]\nnext",
        ]) {
          const text = `a ${written.slice(0, length)}${cutOff}`;
          const masked = redactor.redact(text);
          assert.ok(masked.startsWith("a ***"), masked);
          assert.ok(masked.length <= `a ***x${cutOff}`.length, masked);
          const stream = redactor.stream();
          const pieces = cut(text, [3, 5, length, length + 2]).map((piece) => stream.write(piece));
          assert.equal(pieces.join("") + stream.end(), masked);
        }
      }
    }
    assert.equal(redactor.redact("a s3c…"), "a s3c…");
    assert.equal(redactor.redact("a s3cr3t and so on …"), "a s3cr3t and so on …");
  });

  it("sees a secret that a program overwrites, or prints one letter over another", () => {
    for (const printed of [
      SECRET.replace("cr", "xx\b\bcr"),
      SECRET.replace("cr", "xx\x1b[2Dcr"),
      SECRET.replace(/./gu, "$&\b$&"), // as nroff prints what is bold
      SECRET.replace(/./gu, "_\b$&"),
      `user\b\b\b\b${SECRET}`,
    ]) {
      isMasked(`a ${printed} b\n`, printed);
    }
    const lines: string[] = [];
    const splitter = new LineSplitter((line) => lines.push(line), new Redactor([SECRET]));
    splitter.write(
      Buffer.from(`a ${SECRET}${"\b".repeat(SECRET.length)}${"x".repeat(SECRET.length)}\n`),
    );
    assert.deepEqual(lines, [`a ${"x".repeat(SECRET.length)}`]);
  });

  it("sees a secret that a program colors", () => {
    const lines: string[] = [];
    const splitter = new LineSplitter((line) => lines.push(line), new Redactor([SECRET]));
    splitter.write(Buffer.from("a s3cr3t/\x1b[1mof+run\x1b[0m ü&< b\n"));
    assert.deepEqual(lines, ["a *** b"]);
  });

  describe("of files", () => {
    let folder: string;
    beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "kragle redäct "))));
    afterEach(() => rmSync(folder, { recursive: true }));

    it("overwrites in place, across the borders of what it reads at once", async () => {
      const file = join(folder, "serial.log");
      for (const at of [0, 2 ** 20 - 5, 2 ** 20, 2 ** 21 - 1]) {
        const before = Buffer.alloc(2 ** 21 + 99, 0xe9);
        before.write(SECRET, at);
        writeFileSync(file, before);
        await new Redactor([SECRET]).redactFile(file);
        before.write("*".repeat(Buffer.byteLength(SECRET)), at);
        assert.ok(readFileSync(file).equals(before), `at ${at}`);
      }
    });

    it("overwrites what a terminal would show of a file, escape sequences and backspaces included", async () => {
      const file = join(folder, "scripts.log");
      for (const printed of [
        SECRET.replace("t/", "t\x1b[1m/\x1b(B\x1b[m"),
        SECRET.replace("cr", "xx\b\bcr"),
        SECRET.replace("cr", "xx\x1b[2Dcr"),
        Buffer.from(SECRET, "utf8").toString("latin1").replace(/./g, "$&\0"),
      ]) {
        for (const before of [7, 2 ** 20 - 9]) {
          const head = `${"y".repeat(before)}\n\x1b[31ma `;
          const encoding = printed.includes("\0") ? "latin1" : "utf8";
          writeFileSync(file, Buffer.from(`${head}${printed} b\n${SECRET.slice(0, 5)}`, encoding));
          await new Redactor([SECRET]).redactFile(file);
          const said = readFileSync(file, "latin1").slice(head.length);
          assert.match(said, /^\*+\0? b\ns3cr3$/, JSON.stringify(printed));
        }
      }
    });

    it("deletes one that it cannot overwrite", async () => {
      const sub = join(folder, "packer.log");
      await new Redactor([SECRET]).redactFile(sub);
      assert.throws(() => readFileSync(sub), /ENOENT/);
    });
  });
});
