import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { cpSync, readFileSync, rmSync, writeFileSync } from "node:fs";

import { isFullTier } from "../fullTier";
import { sha256 } from "../sha256";
import { countFaults, survived } from "./figures";
import { SuspectRelease } from "./suspectRelease";

describe("verify is not deceived by", function () {
  this.timeout(180_000);
  const release = new SuspectRelease();
  const { at, sumsAnew } = release;
  countFaults();

  /** Signs something as somebody else would, or for something else. */
  function sign(content: Buffer, key: string, namespace = "kragle"): Buffer {
    const file = release.elsewhere("to sign");
    writeFileSync(file, content);
    rmSync(`${file}.sig`, { force: true });
    const args = ["-q", "-Y", "sign", "-n", namespace, "-f", release.elsewhere(key), file];
    execFileSync("ssh-keygen", args, { stdio: "ignore" });
    return readFileSync(`${file}.sig`);
  }
  const sums = () => readFileSync(at("SHA256SUMS"));
  const alterImage = () => {
    writeFileSync(at("packer-kragle-qcow2"), "an imAge");
    sumsAnew();
  };

  /** What is done, and the signature that the release then has. */
  const FORGERIES: Record<string, () => Buffer | undefined> = {
    "a trusted key's signature of another file": () =>
      sign(readFileSync(at("manifest.json")), "ours"),
    "a trusted key's signature of the sums for something else": () => sign(sums(), "ours", "git"),
    "the signature of the sums as they were": () => {
      const genuine = readFileSync(at("SHA256SUMS.sig"));
      alterImage();
      return genuine;
    },
    "somebody's signature, with the keys that came along": () => {
      cpSync(release.elsewhere("theirs.allowed"), at("allowed_signers"));
      return sign(sums(), "theirs");
    },
    "somebody's signature between two genuine ones": () => {
      const genuine = readFileSync(at("SHA256SUMS.sig"));
      alterImage();
      return Buffer.concat([genuine, sign(sums(), "theirs"), genuine]);
    },
    "text in a signature's place": () => Buffer.from("signed by ours@example.org, really\n"),
    "no signature at all": () => undefined,
  };
  for (const [what, forge] of Object.entries(FORGERIES)) {
    it(what, async () => {
      const signature = forge();
      if (signature) writeFileSync(at("SHA256SUMS.sig"), signature);
      else rmSync(at("SHA256SUMS.sig"));
      await release.assertRefused(/^failed +signature: /m);
      survived({ fault: "forged signature", where: `verify: ${what}` });
    });
  }
});

/** Text that would forge a verdict, clear the terminal, name its window and turn the line around. */
const EVIL =
  "x\nverified: 14 files, signed by SHA256:x, which is trusted\u001b[2J\u001b]0;y\u0007\u009b1A\u202e";

describe("verify shows no word as it is of", function () {
  this.timeout(180_000);
  const release = new SuspectRelease();
  const { at, edit, sumsAnew } = release;
  countFaults();

  /** The same document with this text in every string, or in every name; digests and paths stay where only names change. */
  function spoil(value: unknown, names: boolean): unknown {
    if (typeof value === "string") return names ? value : value + EVIL;
    if (Array.isArray(value)) return value.map((each) => spoil(each, names));
    if (typeof value !== "object" || value === null) return value;
    const entries = Object.entries(value).map(
      ([name, each]) => [name, spoil(each, names)] as const,
    );
    return Object.fromEntries(names ? [...entries, [EVIL, EVIL]] : entries);
  }
  const spoilAll = (name: string, names: boolean) =>
    edit(name, (document) => {
      for (const [key, value] of Object.entries(document)) document[key] = spoil(value, names);
    });

  const WORDS: Record<string, () => void> = {
    "a file's name": () => writeFileSync(at(EVIL.replaceAll("/", "")), ""),
    "a name of bytes that are no text": () =>
      writeFileSync(Buffer.concat([Buffer.from(at("evidence/x")), Buffer.from([0xff, 0x1b])]), ""),
    "a name in the sums": () => {
      const line = `\\${sha256("")} *${EVIL.replace("\n", "\\n")}\n`;
      writeFileSync(at("SHA256SUMS"), readFileSync(at("SHA256SUMS"), "utf8") + line);
    },
    "sums that are nothing else": () => writeFileSync(at("SHA256SUMS"), `${EVIL}\n${EVIL}`),
    "a list of what was published": () =>
      writeFileSync(at("publication.json"), JSON.stringify({ files: [EVIL], [EVIL]: EVIL })),
    "a signature": () => writeFileSync(at("SHA256SUMS.sig"), EVIL),
    ...Object.fromEntries(
      ["manifest.json", "provenance.json", "sbom.cdx.json", "evidence/check/packages.json"].flatMap(
        (name) => [
          [`each text of ${name}`, () => (spoilAll(name, false), sumsAnew())],
          [`each name in ${name}`, () => (spoilAll(name, true), sumsAnew())],
          [`a text that is no JSON in ${name}`, () => (writeFileSync(at(name), EVIL), sumsAnew())],
        ],
      ),
    ),
  };
  for (const [what, make] of Object.entries(WORDS)) {
    it(what, async function () {
      if (!isFullTier && !/file's|sums/.test(what)) this.skip();
      make();
      await release.assertRefused(/^(failed|altered|added|missing) /m);
      survived({ fault: "words for the terminal", where: `verify: ${what}` });
    });
  }

  it("any of them, also as JSON on a terminal", async () => {
    for (const name of ["manifest.json", "provenance.json", "sbom.cdx.json"]) spoilAll(name, true);
    writeFileSync(at(EVIL.replaceAll("/", "")), "");
    for (const more of ["", "--json"]) {
      const command = `kragle verify "$F" --allowed-signers "$K" ${more}`;
      const line = `F=$1 K=$2 script -qec '${command}' /dev/null </dev/null`;
      const { stdout, code } = await release.run(line);
      assert.equal(code, 1);
      assert.match(stdout, /NOT verified: /);
      assert.doesNotMatch(stdout, /^verified: /m);
    }
    survived({ fault: "words for the terminal", where: "verify: on a terminal" });
  });
});
