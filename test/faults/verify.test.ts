import { execFileSync } from "node:child_process";
import {
  appendFileSync,
  cpSync,
  mkdirSync,
  rmSync,
  symlinkSync,
  truncateSync,
  writeFileSync,
} from "node:fs";
import { relative } from "node:path";

import { isFullTier } from "../fullTier";
import { sha256 } from "../sha256";
import { countFaults, survived } from "./figures";
import { python, SuspectRelease } from "./suspectRelease";

const BIND = `import os, socket, sys
os.chdir(os.path.dirname(sys.argv[1]))
socket.socket(socket.AF_UNIX).bind(os.path.basename(sys.argv[1]))`;

describe("verify is not kept waiting by", function () {
  this.timeout(180_000);
  const release = new SuspectRelease();
  const { at, edit, sumsAnew } = release;
  countFaults();

  const KINDS: Record<string, (file: string) => void> = {
    FIFO: (file) => execFileSync("mkfifo", [file]),
    "device without end": (file) => execFileSync("mknod", [file, "c", "1", "5"]),
    socket: (file) => python(BIND, file),
    "link to a device": (file) => symlinkSync("/dev/zero", file),
    "link to the right file": (file) => {
      const genuine = release.elsewhere("genuine");
      cpSync(release.elsewhere(`signed/${relative(release.folder, file)}`), genuine);
      symlinkSync(genuine, file);
    },
    folder: (file) => mkdirSync(file),
    "terabyte of nothing": (file) => {
      writeFileSync(file, "");
      truncateSync(file, 2 ** 40);
    },
  };
  const FILES = [
    ...["SHA256SUMS", "SHA256SUMS.sig", "manifest.json", "provenance.json", "sbom.cdx.json"],
    ...["packer-kragle-qcow2", "evidence/check/packages.json", "report.html"],
  ];
  for (const [kind, make] of Object.entries(KINDS)) {
    for (const name of FILES) {
      // in every run the one that is read first
      if (!isFullTier && name !== "SHA256SUMS") continue;
      it(`a ${kind} in place of ${name}`, async function () {
        if (kind === "device without end" && process.getuid!() !== 0) this.skip();
        rmSync(at(name));
        make(at(name));
        await release.assertRefused(
          /is a link|is no regular file|is a folder|is larger than|has 1099511627776 bytes/,
        );
        survived({ fault: `${kind} in a file's place`, where: `verify: ${name}` });
      });
    }
  }

  const many = <T>(count: number, each: (i: number) => T) =>
    Array.from({ length: count }, (_, i) => each(i));
  /** What a release has too much of, and how; its sums fit again where it is not they that are odd. */
  const HUGE: Record<string, () => void> = {
    "100,000 names in the sums": () =>
      appendFileSync(at("SHA256SUMS"), many(100_000, (i) => `${sha256("")} *n${i}\n`).join("")),
    "10 million empty lines in the sums": () =>
      appendFileSync(at("SHA256SUMS"), "\n".repeat(10_000_000)),
    "one line of 15 MiB in the sums": () =>
      appendFileSync(at("SHA256SUMS"), `${sha256("")} *${"x".repeat(15 * 2 ** 20)}\n`),
    "100,000 names in the manifest": () =>
      edit("manifest.json", ({ files, sizes }) => {
        for (const name of many(100_000, (i) => `n${i}`)) [files[name], sizes[name]] = ["0", 1];
      }),
    "a manifest that is nested 100,000 times": () => {
      writeFileSync(at("manifest.json"), "[".repeat(100_000) + "]".repeat(100_000));
      sumsAnew();
    },
    "provenance of 100,000 files": () => {
      const digest = { sha256: sha256("") };
      edit("provenance.json", ({ subject }) =>
        subject.push(...many(100_000, (i) => ({ name: `n${i}`, digest }))),
      );
      sumsAnew();
    },
    "a bill of 100,000 materials": () => {
      edit("sbom.cdx.json", ({ components }) =>
        components.push(...many(100_000, (i) => ({ ...components[0], name: `n${i}` }))),
      );
      sumsAnew();
    },
    "a list of 100,000 files that were published": () =>
      writeFileSync(
        at("publication.json"),
        JSON.stringify({ files: many(100_000, (i) => `n${i}`) }),
      ),
    "20,000 files that nobody lists": () => {
      mkdirSync(at("evidence/many"));
      for (const name of many(20_000, (i) => `evidence/many/${i}`)) writeFileSync(at(name), "");
    },
    "a signature of 60 MB": () =>
      writeFileSync(
        at("SHA256SUMS.sig"),
        `-----BEGIN SSH SIGNATURE-----\n${"A".repeat(6e7)}\n-----END SSH SIGNATURE-----\n`,
      ),
  };
  for (const [what, make] of Object.entries(HUGE)) {
    it(what, async function () {
      if (!isFullTier && !what.includes("nested")) this.skip();
      make();
      await release.assertRefused(/./);
      survived({ fault: "release with huge lists", where: `verify: ${what}` });
    });
  }

  it("folders deeper than any path", async () => {
    const dive = `import os, sys
os.chdir(sys.argv[1])
for _ in range(1500): os.mkdir("deep"); os.chdir("deep")`;
    python(dive, at("evidence"));
    try {
      await release.assertRefused(/added +evidence\/deep/);
    } finally {
      execFileSync("rm", ["-rf", at("evidence/deep")]);
    }
    survived({ fault: "release with huge lists", where: "verify: folders deeper than any path" });
  });
});
