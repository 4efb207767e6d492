import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import fc from "fast-check";

import { printable, printableLines, printableStyled } from "../../host/printable";
import { encodeSums, parseSums } from "../../release/sums";
import { allowedSignersOf } from "../../release/verify/allowedSigners";
import { sha256 } from "../sha256";

/** Names that a file can have, in one spelling. */
const part = fc
  .string({
    unit: fc.oneof(
      fc.constantFrom("\\", "\n", "\r", "*", " ", "ü"),
      fc.string({ minLength: 1, maxLength: 1 }),
    ),
    minLength: 1,
    maxLength: 8,
  })
  .filter((text) => !/[/\0]/.test(text) && text !== "." && text !== ".." && text.isWellFormed());
const name = fc.array(part, { minLength: 1, maxLength: 3 }).map((parts) => parts.join("/"));

describe("the form of SHA256SUMS", () => {
  it("reads what it writes, whatever the names", () => {
    const lists = fc.uniqueArray(name, { minLength: 1, maxLength: 5 });
    fc.assert(
      fc.property(lists, (names) => {
        const digests = new Map(names.map((one) => [one, sha256(one)]));
        const read = parseSums(Buffer.from(encodeSums(digests)));
        assert.deepEqual(read, { digests, problems: [] });
      }),
      { numRuns: 300 },
    );
  });

  it("is what sha256sum writes and reads", () => {
    const folder = mkdtempSync(join(tmpdir(), "kragle sums "));
    try {
      const names = ["a b", "a\\b", "a\nb", "a\rb", "\\", "*x", " x", "é"];
      for (const one of names) writeFileSync(join(folder, one), one);
      const theirs = execFileSync("sha256sum", ["--binary", "--", ...names], { cwd: folder });
      const ours = encodeSums(names.map((one) => [one, sha256(one)]));
      assert.equal(ours, theirs.toString());
      assert.deepEqual([...parseSums(theirs).digests.keys()], names);
      execFileSync("sha256sum", ["--check", "--strict"], {
        cwd: folder,
        input: ours,
        stdio: ["pipe", "ignore", "pipe"],
      });
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("never lists a name that leads out or has two spellings, whatever bytes it is made of", () => {
    const digest = sha256("");
    const line = fc
      .tuple(fc.constantFrom("", "\\"), fc.constantFrom(" *", "  "), fc.oneof(name, fc.string()))
      .map(([mark, how, text]) => `${mark}${digest}${how}${text}\n`);
    const text = fc.oneof(
      fc.array(line, { maxLength: 4 }).map((lines) => Buffer.from(lines.join(""))),
      fc.uint8Array({ maxLength: 200 }),
      fc
        .constantFrom("../x", "/x", "a//b", "./a", "a/./b", "a/../b", "a\0b", "a/")
        .map((bad) => Buffer.from(`${digest} *${bad}\n`)),
    );
    fc.assert(
      fc.property(text, (bytes) => {
        const { digests, problems } = parseSums(bytes);
        for (const listed of digests.keys()) {
          assert.ok(listed.split("/").every((one) => !["", ".", ".."].includes(one)));
          assert.ok(!listed.includes("\0"));
        }
        const lines = Buffer.from(bytes).toString("latin1").split("\n").length - 1;
        assert.ok(digests.size <= lines);
        // a line that lists nothing is told
        if (digests.size < lines) assert.notDeepEqual(problems, []);
      }),
      { numRuns: 300 },
    );
  });

  it("tells two lines of one name, and text that is not UTF-8", () => {
    const list = encodeSums([
      ["a", sha256("a")],
      ["a", sha256("b")],
    ]);
    assert.deepEqual(parseSums(Buffer.from(list)).problems, ['"a" stands in it twice']);
    const odd = Buffer.concat([Buffer.from(`${sha256("a")} *`), Buffer.from([0xff, 0x0a])]);
    assert.deepEqual(parseSums(odd).problems, ["it is not UTF-8"]);
  });
});

describe("keys that are trusted", () => {
  const key = "AAAAC3NzaC1lZDI1NTE5AAAAIFx";

  it("keep their lines, but for plain public keys, which get our principal", () => {
    const own = [
      `me@example.org ssh-ed25519 ${key} comment`,
      `* namespaces="kragle",valid-before="20300101" ssh-rsa ${key}`,
      `*.example.org cert-authority ssh-ed25519 ${key}`,
      "# ssh-ed25519",
      "",
    ].join("\n");
    assert.equal(allowedSignersOf(own), own);
    assert.equal(
      allowedSignersOf(`  sk-ssh-ed25519@openssh.com ${key} me@home\n`),
      `kragle namespaces="kragle" sk-ssh-ed25519@openssh.com ${key}\n`,
    );
  });

  it("do not stand behind a line of the same key for something else", () => {
    const ours = `me@example.org namespaces="git,kragle" ssh-ed25519 ${key}`;
    const any = `me@example.org namespaces="*" ssh-ed25519 ${key}`;
    const git = `me@example.org valid-after="20200101",namespaces="git" ssh-ed25519 ${key}`;
    assert.equal(allowedSignersOf(`${git}\n${ours}\n${any}`), `\n${ours}\n${any}`);
  });

  it("are as many lines as before, whatever is in them", () => {
    const words = fc.constantFrom("ssh-ed25519", key, "#", '"', "\t", "kragle", " ", "\r");
    const text = fc.array(fc.oneof(words, fc.string({ maxLength: 5 }), fc.constant("\n")));
    fc.assert(
      fc.property(text, (parts) => {
        const given = parts.join(" ");
        assert.equal(allowedSignersOf(given).split("\n").length, given.split("\n").length);
      }),
    );
  });
});

describe("text of others", () => {
  it("is shown without anything that a terminal obeys, on one line", () => {
    const odd = fc.string({ unit: "binary" });
    fc.assert(
      fc.property(odd, (text) => {
        assert.doesNotMatch(printable(text), /[\p{Cc}\u2028\u2029\u202a-\u202e\u2066-\u2069]/u);
      }),
    );
    assert.equal(printable("a\nb\u001b[2J\u202eü 日本"), "a\\nb\\u{1b}[2J\\u{202e}ü 日本");
    assert.equal(printableLines("a\n\tb\r"), "a\n\tb\\r");
    // our own green stays; nothing is hidden, blinks or names a window
    assert.equal(
      printableStyled("\u001b[32mok\u001b[39m\u001b[8m\u001b]0;x\u0007\n"),
      "\u001b[32mok\u001b[39m\\u{1b}[8m\\u{1b}]0;x\\u{7}\n",
    );
  });
});
