import assert from "node:assert/strict";

import fc from "fast-check";

import { formatSeconds, formatSize, parseDuration, parseSize } from "../../plan/units";

const sizeError = (text: string) => ({
  message: `"${text}" is not a size; write a number with MiB, GiB or TiB, as in "4 GiB" or "4096MiB"`,
});
const durationError = (text: string) => ({
  message: `"${text}" is not a duration; write a number with seconds, minutes, hours, days or weeks, as in "7 days"`,
});

describe("units: sizes", () => {
  const right: [string, number][] = [
    ["1 MiB", 1_048_576],
    ["4096MiB", 4_294_967_296],
    ["4 GiB", 4_294_967_296],
    ["4.0 GiB", 4_294_967_296],
    ["  4  GiB  ", 4_294_967_296],
    ["0.5 GiB", 536_870_912],
    ["1.5 TiB", 1_649_267_441_664],
    ["007 GiB", 7_516_192_768],
    // rounded up to whole sectors of 512 bytes
    ["0.3 GiB", 322_122_752],
    ["4.7 GiB", 5_046_586_880],
    ["0.002 TiB", 2_199_023_616],
    ["0.0000001 MiB", 512],
  ];
  for (const [text, bytes] of right) {
    it(`reads ${JSON.stringify(text)}`, () => assert.equal(parseSize(text), bytes));
  }

  const wrong = [
    ...["", " ", "4", "4096", "GiB", "4 GB", "4 G", "4g", "4 gib", "4 GIB", "4 KiB", "4 PiB"],
    ...[
      "-4 GiB",
      "+4 GiB",
      "0 GiB",
      "0.0 MiB",
      "4,5 GiB",
      "4. GiB",
      ".5 GiB",
      "1e3 MiB",
      "0x4 GiB",
    ],
    ...["4 GiB GiB", "4 GiB 2 MiB", "4 Gi B", "NaN GiB", "Infinity GiB", "٤ GiB", "4 GiB;"],
    // more than a number can hold exactly
    ...["8192 TiB", "99999999999999999999 TiB"],
  ];
  for (const text of wrong) {
    it(`refuses ${JSON.stringify(text)}`, () => {
      assert.throws(() => parseSize(text), sizeError(text));
    });
  }

  it("reads every whole number of each unit exactly", () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 1, max: 4096 }),
        fc.constantFrom(["MiB", 2 ** 20] as const, ["GiB", 2 ** 30], ["TiB", 2 ** 40]),
        fc.constantFrom("", " ", "   "),
        (count, [unit, factor], space) => parseSize(`${count}${space}${unit}`) === count * factor,
      ),
    );
  });

  it("rounds every fraction up to the next sector, exactly", () => {
    const units = [["MiB", 2n ** 20n] as const, ["GiB", 2n ** 30n] as const, ["TiB", 2n ** 40n]];
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 63 }),
        fc.integer({ min: 1, max: 9999 }),
        fc.constantFrom(...(units as [string, bigint][])),
        (whole, fraction, [unit, factor]) => {
          const text = `${whole}.${String(fraction).padStart(4, "0")} ${unit}`;
          const tenThousandths = (BigInt(whole) * 10_000n + BigInt(fraction)) * factor;
          const sectors = (tenThousandths + 512n * 10_000n - 1n) / (512n * 10_000n);
          assert.equal(BigInt(parseSize(text)), sectors * 512n, text);
        },
      ),
    );
  });

  it("gives a positive whole number of sectors or the error, whatever the text", () => {
    fc.assert(
      fc.property(fc.oneof(fc.string(), fc.stringMatching(/^[0-9.]{1,6} ?[KMGT]iB$/)), (text) => {
        try {
          const bytes = parseSize(text);
          assert.ok(Number.isSafeInteger(bytes) && bytes > 0 && bytes % 512 === 0);
        } catch (error) {
          assert.equal((error as Error).message, sizeError(text).message);
        }
      }),
    );
  });
});

describe("units: durations", () => {
  const right: [string, number][] = [
    ["1 second", 1],
    ["90 minutes", 5400],
    ["90minutes", 5400],
    ["1 hour", 3600],
    ["7 days", 604_800],
    ["1 days", 86_400],
    ["2 weeks", 1_209_600],
    ["1.5 hours", 5400],
  ];
  for (const [text, seconds] of right) {
    it(`reads ${JSON.stringify(text)}`, () => assert.equal(parseDuration(text), seconds));
  }

  const wrong = [
    ...["", "7", "days", "7 d", "7 dayss", "7 Days", "-7 days", "0 days", "0.0 hours", "1 month"],
    ...["1 year", "7 days 2 hours", "P7D", "1e2 days", "seven days", "7, days", "1 constructor"],
    `${"9".repeat(400)} days`,
  ];
  for (const text of wrong) {
    it(`refuses ${JSON.stringify(text.slice(0, 40))}`, () => {
      assert.throws(() => parseDuration(text), durationError(text));
    });
  }
});

describe("units: for people", () => {
  const sizes: [number, string][] = [
    [0, "0 KiB"],
    [1, "1 KiB"],
    [1025, "2 KiB"],
    [2 ** 20, "1 MiB"],
    [432_013_312, "412 MiB"],
    [2 ** 30, "1.0 GiB"],
    [2 ** 32, "4.0 GiB"],
    [2 ** 30 * 1.5, "1.5 GiB"],
    // one byte less must not be shown as a thousand and more of the smaller unit
    [2 ** 30 - 1, "1.0 GiB"],
    [2 ** 20 - 1, "1 MiB"],
  ];
  for (const [bytes, text] of sizes) {
    it(`writes ${bytes} bytes`, () => assert.equal(formatSize(bytes), text));
  }

  const times: [number, string][] = [
    [0, "0 s"],
    [0.4, "0 s"],
    [8.4, "8 s"],
    [59.4, "59 s"],
    [59.6, "1 min 00 s"],
    [185, "3 min 05 s"],
    [3599.6, "1 h 00 min"],
    [3725, "1 h 02 min"],
    [90_000, "25 h 00 min"],
  ];
  for (const [seconds, text] of times) {
    it(`writes ${seconds} seconds`, () => assert.equal(formatSeconds(seconds), text));
  }
});
