import assert from "node:assert/strict";

import fc from "fast-check";

import { Redactor } from "../../host/redactor";
import { formsOf, searchFor } from "../../host/secretForms";
import { VECTORS, type Written, writtenDown } from "../secretForms";

const NUMBERS = ["hexadecimal", "decimal", "octal"];

/** Asserts that no more of a secret is left than quotes around it, or the ends of what base64 made of its neighbours. */
function assertMasked({ secret, form, by, text }: Written, redactor = new Redactor([secret])) {
  const masked = redactor.redact(text);
  const left = masked.replace("***", "").trim();
  assert.ok(masked.includes("***"), `${by}: ${masked}`);
  if (form === "base64") {
    const own = Math.floor((Buffer.byteLength(secret) * 8) / 6) - 1;
    assert.ok(left.length <= text.length - own, `${by}: ${masked}`);
  } else if (NUMBERS.includes(form)) {
    // of a list its ends, of an escape its beginning and end
    assert.match(
      left,
      /^[[{]?\s*(?:0x|\\[xu]?0{0,2}|\\u\{|%|&#x?0?)?\s*[\]};]?$/i,
      `${by}: ${masked}`,
    );
  } else {
    assert.match(left, /^[b$]?(''|"")?$/, `${by}: ${masked}`);
  }
}

const secrets = fc
  .string({
    minLength: 6,
    maxLength: 40,
    unit: fc.oneof(
      fc.string({ unit: "grapheme-ascii", minLength: 1, maxLength: 1 }),
      fc.constantFrom(..."&<>/'\"\\%+$ üß😀"),
    ),
  })
  .filter((text) => text === text.trim() && !text.includes("*") && Buffer.byteLength(text) >= 6);

describe("the forms of a secret", function () {
  this.timeout(60_000);

  it("are what programs really write", () => {
    assert.ok(VECTORS.length > 100);
    for (const written of VECTORS) assertMasked(written);
  });

  it("are all masked, whatever the secret", () => {
    fc.assert(
      fc.property(secrets, (secret) => {
        const redactor = new Redactor([secret]);
        for (const written of writtenDown(secret)) assertMasked(written, redactor);
      }),
    );
  });

  it("are patterns that match no more than they say, with the plain one first", () => {
    fc.assert(
      fc.property(secrets, (secret) => {
        const forms = formsOf(secret, "text");
        assert.equal(forms[0]!.form, "plain");
        assert.equal(new RegExp(`^(?:${forms[0]!.pattern})$`).test(secret), true);
        assert.equal(new Set(forms.map(({ pattern }) => pattern)).size, forms.length);
        for (const { text } of writtenDown(secret)) {
          for (const { pattern, longest } of forms) {
            for (const [match] of text.matchAll(new RegExp(pattern, "g"))) {
              assert.ok(match.length <= longest, `${pattern}: ${match.length} > ${longest}`);
            }
          }
        }
      }),
    );
  });

  it("are few for a secret without special characters", () => {
    const forms = formsOf("correcthorsebattery", "bytes").map(({ form }) => form);
    assert.deepEqual(forms, ["plain", "base64", "base64", "base64", ...NUMBERS]);
  });
});

describe("what a disk is searched for", () => {
  it("has a name for each pattern, in ASCII, and the names of secrets too short to be told from chance", () => {
    const { patterns, tooShort } = searchFor({
      password: "gr\u00f6\u00dfe-\u{1f600}",
      pin: "12345",
    });
    assert.deepEqual(tooShort, ["pin"]);
    assert.ok(patterns.length > 5);
    for (const { secret, pattern } of patterns) {
      assert.equal(secret, "password");
      assert.match(pattern, /^[\x20-\x7e]+$/);
    }
  });

  it("is each line of a key, but for what all keys have alike", () => {
    const key = [
      "-----BEGIN OPENSSH PRIVATE KEY-----",
      "b3BlbnNzaC1rZXktdjEAAAAABG5vbmUAAAAEbm9uZQAAAAAAAAABAAAAMwAAAAtzc2gtZW",
      "QyNTUxOQAAACDxAvPBLoJjk",
      "-----END OPENSSH PRIVATE KEY-----",
    ].join("\n");
    const plain = searchFor({ key }).patterns.filter(({ form }) => form === "plain");
    assert.deepEqual(
      plain.map(({ pattern }) => pattern),
      ["QyNTUxOQAAACDxAvPBLoJjk"],
    );
  });
});
