import assert from "node:assert/strict";

import { parseSettings, SettingsError } from "../../settings/stack";
import { nameBeside, releasedName, releasedNames } from "../../plan/fileNames";
import { parseConversion } from "../../plan/formats";

/** What is wrong with these settings, without the project's name. */
function problems(settings: Record<string, unknown>): string[] {
  try {
    parseSettings(settings, "dev");
    return [];
  } catch (error) {
    assert.ok(error instanceof SettingsError, String(error));
    return error.problems.map((text) => text.replace("kragle:", ""));
  }
}

describe("names of released files", () => {
  const names: [imageName: string, entry: unknown, released: string[]][] = [
    ["packer-kragle-qcow2", "raw", ["kragle.raw"]],
    ["packer-kragle-qcow2", "qcow2:compression=zstd", ["kragle.zstd.qcow2"]],
    ["packer-kragle-qcow2", "raw.zst", ["kragle.raw.zst", "kragle.raw.bmap"]],
    ["web-1.4.qcow2", "raw", ["web-1.4.raw"]],
    ["web-1.4.qcow2", "raw.zst", ["web-1.4.raw.zst", "web-1.4.raw.bmap"]],
    ["web-1.4", "vhd", ["web-1.4.vhd"]],
    ["web.IMG", "vmdk:hwversion=13", ["web.hw13.vmdk"]],
    ["kragle.qcow2", "raw", ["kragle.raw"]],
    ["web.qcow2", { format: "raw", file: "disk.img" }, ["disk.img"]],
    ["web.qcow2", { format: "raw.zst", file: "d.img.zst" }, ["d.img.zst", "d.img.bmap"]],
    ["web.qcow2", "raw:file=disk.img", ["disk.img"]],
  ];
  for (const [imageName, entry, released] of names) {
    it(`of ${JSON.stringify(entry)} beside ${imageName}`, () => {
      const conversion = parseConversion(entry);
      assert.deepEqual(releasedNames(conversion, imageName), released);
      assert.equal(releasedName(conversion, imageName), released[0]);
      const renamed = { stored: conversion.fileName, fileName: released[0]! };
      assert.equal(nameBeside(conversion.fileName, renamed), released[0]);
    });
  }

  it("may be any that mean the same everywhere", () => {
    for (const imageName of ["web-1.4.qcow2", "A", "1", "a_b+c-d.e", "x".repeat(100)]) {
      assert.deepEqual(problems({ imageName }), [], imageName);
    }
  });

  const rule =
    'is no name for a file; letters, digits, ".", "_", "+" and "-" are allowed, the first of them a letter or digit';
  for (const bad of [
    "",
    "a/b",
    "../a",
    ".hidden",
    "-rf",
    "a\nb",
    "a b",
    "ü",
    "a\\b",
    "a:b",
    "+a",
  ]) {
    it(`are not ${JSON.stringify(bad)}`, () => {
      assert.deepEqual(problems({ imageName: bad }), [`imageName: "${bad}" ${rule}`]);
      assert.deepEqual(problems({ formats: [{ format: "raw", file: bad }] }), [
        `formats[0]: "${bad}" ${rule}`,
      ]);
    });
  }

  for (const own of [
    ...["manifest.json", "SHA256SUMS", "sha256sums.sig", "report.html", "evidence", "Evidence"],
    ...["publication.json", "allowed_signers", "sbom.cdx.json", "provenance.json"],
  ]) {
    it(`are not kragle's own: ${own}`, () => {
      const why = `"${own}" is the name of a file of kragle's own`;
      assert.deepEqual(problems({ imageName: own }), [`imageName: ${why}`]);
      assert.deepEqual(problems({ formats: [{ format: "vhd", file: own }] }), [
        `formats[0]: ${why}`,
      ]);
    });
  }

  it("have an end", () => {
    assert.match(problems({ imageName: "x".repeat(101) })[0]!, /is longer than 100 characters$/);
  });

  it("are each those of one file", () => {
    const clash = (name: string, other: string, format: string) =>
      `"${name}" is the name of ${other} already; give it a file of another name, as in {format: ${format}, file: NAME}`;
    assert.deepEqual(problems({ imageName: "web.qcow2", formats: ["qcow2"] }), [
      `formats[0]: ${clash("web.qcow2", "the image", "qcow2")}`,
    ]);
    assert.deepEqual(problems({ formats: ["raw", { format: "vdi", file: "KRAGLE.raw" }] }), [
      `formats[1]: ${clash("KRAGLE.raw", "raw", "vdi")}`,
    ]);
    assert.deepEqual(
      problems({ formats: ["raw.zst", { format: "vdi", file: "kragle.raw.bmap" }] }),
      [`formats[1]: ${clash("kragle.raw.bmap", "raw-zst", "vdi")}`],
    );
  });

  it("are text", () => {
    assert.deepEqual(problems({ formats: [{ format: "raw", file: 5 }] }), [
      "formats[0]: 5 is no name of a file; write it in quotes",
    ]);
  });

  it("of a compressed disk end as programs expect it", () => {
    assert.deepEqual(problems({ formats: ["raw.zst:file=disk.img"] }), [
      'formats[0]: "disk.img" has to end with .zst, by which programs know that it is compressed',
    ]);
  });

  it("that a place is to get are those of a release", () => {
    const settings = (files: string[]) => ({
      ...{ imageName: "web.qcow2", formats: ["raw"], publish: [{ folder: "/srv/images", files }] },
    });
    assert.deepEqual(problems(settings(["web.qcow2", "web.raw", "report.html"])), []);
    assert.deepEqual(problems(settings(["kragle.raw"])), [
      'publish[0].files: a release of these settings has no "kragle.raw"; it has web.qcow2, web.raw',
    ]);
  });

  it("of versions and images are those of os-release(5)", () => {
    const spec = parseSettings({ imageId: "web", version: "2026-11-29 00:00:00 +0000 UTC" }, "dev");
    assert.deepEqual([spec.imageId, spec.version], ["web", "2026-11-29"]);
    for (const bad of ["1.4-RC1", "a b", "-1", ".1", "ü", "1\n2", "x".repeat(65), '1"']) {
      assert.deepEqual(problems({ version: bad }), [
        `version: "${bad}" cannot stand in os-release; small letters, digits, ".", "_" and "-" are allowed, at most 64, as in "1.4"`,
      ]);
    }
    // one without quotes that is spelled otherwise, as 1.10, is refused where the file is read
    assert.equal(parseSettings({ version: 1.4 }, "dev").version, "1.4");
  });
});
