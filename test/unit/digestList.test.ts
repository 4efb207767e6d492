import assert from "node:assert/strict";

import fc from "fast-check";

import { findDigest } from "../../plan/digestList";
import type { PublishedDigest } from "../../plan/publishedDigest";
import { encodeSums } from "../../release/sums";

const [A, B] = ["a".repeat(64), "b".repeat(64)];
const [A512, B512] = ["a".repeat(128), "b".repeat(128)];
const OF_A: PublishedDigest = { algorithm: "sha256", hex: A };

/** Real lists' shapes; what is told of `web.qcow2`. */
const LISTS: Record<string, string> = {
  "GNU, as text": `${B}  db.qcow2\n${A}  web.qcow2\n`,
  "GNU, as binary, with CRLF": `${B} *db.qcow2\r\n${A.toUpperCase()} *web.qcow2\r\n`,
  "GNU, from below a folder": `${A}  ./web.qcow2`,
  BSD: `SHA256 (db.qcow2) = ${B}\nSHA256 (web.qcow2) = ${A}\n`,
  OpenSSL: `SHA2-256(web.qcow2)= ${A}\n`,
  "Fedora's, with sizes": `# web.qcow2: 581042176 bytes\nSHA256 (web.qcow2) = ${A}\n`,
  "with weaker digests too": `MD5 (web.qcow2) = ${"c".repeat(32)}\nSHA384 (web.qcow2) = ${"d".repeat(96)}\nSHA256 (web.qcow2) = ${A}\n`,
  "with others of as many digits": `BLAKE2s (web.qcow2) = ${B}\nSHA512/256 (web.qcow2) = ${B}\nSHA256 (web.qcow2) = ${A}\n`,
  "the same twice": `${A}  web.qcow2\nSHA256 (web.qcow2) = ${A}\n`,
};

/** The same where SHA-512 is there, alone or with others. */
const LISTS_512: Record<string, string> = {
  "GNU, as text": `${B512}  db.qcow2\n${A512}  web.qcow2\n`,
  "GNU, as binary, with CRLF": `${A512.toUpperCase()} *web.qcow2\r\n`,
  BSD: `SHA512 (db.qcow2) = ${B512}\nSHA512 (web.qcow2) = ${A512}\n`,
  OpenSSL: `SHA2-512(web.qcow2)= ${A512}\n`,
  "Fedora's, with sizes": `# web.qcow2: 581042176 bytes\nSHA512 (web.qcow2) = ${A512}\n`,
  "with the weaker one before it": `SHA256 (web.qcow2) = ${A}\nSHA512 (web.qcow2) = ${A512}\n`,
  "with the weaker one behind it": `${A512}  web.qcow2\n${A}  web.qcow2\n`,
  "with others of as many digits": `BLAKE2b (web.qcow2) = ${B512}\nSHA3-512(web.qcow2)= ${B512}\nSHA512 (web.qcow2) = ${A512}\n`,
};

/** Of either kind. */
const hexadecimal = fc
  .constantFrom(32, 64)
  .chain((bytes) => fc.uint8Array({ minLength: bytes, maxLength: bytes }))
  .map((bytes) => Buffer.from(bytes).toString("hex"));
const digestOf = (hex: string): PublishedDigest => ({
  algorithm: hex.length === 128 ? "sha512" : "sha256",
  hex,
});
const name = fc
  .string({ unit: "binary", minLength: 1, maxLength: 30 })
  .filter((text) => text.isWellFormed() && !/[\0/]/.test(text) && !text.startsWith("."));

describe("a list of digests", () => {
  for (const [style, text] of Object.entries(LISTS)) {
    it(`is read in its publisher's style: ${style}`, () => {
      assert.deepEqual(findDigest(text, "web.qcow2"), { digest: OF_A });
    });
  }

  for (const [style, text] of Object.entries(LISTS_512)) {
    it(`gives the strongest that it has, in its publisher's style: ${style}`, () => {
      const digest = { algorithm: "sha512", hex: A512 };
      assert.deepEqual(findDigest(text, "web.qcow2"), { digest });
    });
  }

  it("tells why it says nothing of a file", () => {
    const problem = (text: string) =>
      (findDigest(text, "web.qcow2") as { problem: string }).problem;
    assert.equal(problem(""), "does not have web.qcow2, nor any other file");
    assert.equal(
      problem([1, 2, 3, 4, 5, 6, 7].map((n) => `${A}  ${n}.qcow2\n`).join("")),
      "does not have web.qcow2; it has 1.qcow2, 2.qcow2, 3.qcow2, 4.qcow2, 5.qcow2 and 2 more",
    );
    assert.equal(
      problem(`${"c".repeat(96)}  web.qcow2\nMD5 (web.qcow2) = ${"c".repeat(32)}\n`),
      "has no SHA-512 or SHA-256 of web.qcow2, only SHA-384 and MD5",
    );
    assert.equal(
      problem(`SHA3-256(web.qcow2)= ${A}\nBLAKE2b (web.qcow2) = ${A512}\n`),
      "has no SHA-512 or SHA-256 of web.qcow2, only SHA3-256 and BLAKE2b",
    );
    assert.equal(problem(`${A}  web.qcow2\n${B}  web.qcow2\n`), "has several SHA-256 of web.qcow2");
    // also where the stronger one is clear
    assert.equal(
      problem(`${A512}  web.qcow2\n${A}  web.qcow2\n${B}  web.qcow2\n`),
      "has several SHA-256 of web.qcow2",
    );
    // cut off, or called what they are not
    assert.equal(
      problem(`SHA512 (web.qcow2) = ${A}\n${A}00  web.qcow2\nSHA256 (web.qcow2) = ${A512}\n`),
      "has no SHA-512 or SHA-256 of web.qcow2, only SHA512 of 64 digits and 66 digits and SHA256 of 128 digits",
    );
    // of one of its names, a longer or a shorter one is another file's
    for (const other of ["web.qcow2.asc", "old/web.qcow2", "xweb.qcow2", "web.qcow"]) {
      assert.match(problem(`${A}  ${other}\n`), /^does not have/, other);
    }
    assert.match(problem(A), /^does not have/, "a digest without a name is of any file");
  });

  it("gives each file its own digest, whatever the names, in every style", () => {
    const bsd = (digests: [string, string][]) =>
      digests
        .map(([file, digest]) => {
          const escaped = file.replace(/\\/g, "\\\\").replace(/\n/g, "\\n").replace(/\r/g, "\\r");
          return `${escaped === file ? "" : "\\"}SHA${digest.length * 4} (${escaped}) = ${digest}\n`;
        })
        .join("");
    const lists = fc.uniqueArray(fc.tuple(name, hexadecimal), { selector: ([file]) => file });
    fc.assert(
      fc.property(lists, (digests) => {
        for (const text of [encodeSums(digests), bsd(digests)]) {
          for (const [file, digest] of digests) {
            assert.deepEqual(findDigest(text, file), { digest: digestOf(digest) });
          }
          assert.ok("problem" in findDigest(text, "never/there"));
        }
      }),
    );
  });

  it("is never read for long, nor with a digest that does not stand in it", () => {
    fc.assert(
      fc.property(fc.string({ unit: "binary", maxLength: 300 }), (text) => {
        const found = findDigest(text, "web.qcow2");
        if ("digest" in found) assert.ok(text.toLowerCase().includes(found.digest.hex));
      }),
    );
    const long = `SHA256 (${"(".repeat(2 ** 18)}\n${") = ".repeat(2 ** 18)}`;
    const began = performance.now();
    findDigest(long, "web.qcow2");
    assert.ok(performance.now() - began < 2000);
  });
});
