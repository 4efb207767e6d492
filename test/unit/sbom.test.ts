import assert from "node:assert/strict";

import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
import fc from "fast-check";
import { PackageURL } from "packageurl-js";

import type { PackageFile } from "../../plan/packageFiles";
import type { PackageList } from "../../plan/packages";
import { encodeSbom, packageUrl } from "../../release/sbom";
import { samplePackage } from "../samplePackage";
import { digest } from "../samples";

const list = (
  packages: PackageList["packages"],
  ecosystem: "deb" | "rpm" = "deb",
): PackageList => ({
  distribution: { id: "debian", versionId: "12", prettyName: "Debian GNU/Linux 12" },
  ecosystem,
  packages,
});
const subject = {
  ...{ imageName: "packer-kragle-qcow2", imageSha256: digest("a"), kragleVersion: "0.1.0" },
  madeAt: "2026-11-01T10:00:00.000Z",
};

/** A file in the bill. */
interface Told {
  readonly name: string;
  readonly hashes?: readonly { readonly content: string; readonly value?: undefined }[];
  readonly properties: readonly { readonly value: string; readonly content?: undefined }[];
}

describe("the bill of materials", () => {
  const validator = new Validation.JsonStrictValidator(Spec.Version.v1dot6);
  const packages = [
    samplePackage("zlib1g", "1:1.2.13.dfsg-1", { source: "zlib", homepage: "http://zlib.net/" }),
    samplePackage("bash", "5.2.15-2+b7", { sourceVersion: "5.2.15-2", homepage: "no address" }),
  ];

  it("has the files that no package accounts for, but for those that come of a package", async () => {
    const other = (path: string, state: PackageFile["state"], owner: string | null = null) => ({
      ...{ path, state, package: owner, bytes: 7, sha256: state === "unread" ? null : digest("b") },
    });
    const text = encodeSbom(subject, list(packages), [
      ...[other("/boot/copy", "derived"), other("/srv/data", "unowned")],
      ...[other("/usr/bin/tool", "changed", "tool"), other("/var/large", "unread", "tool")],
    ]);
    assert.equal(await validator.validate(text), null);
    const told = JSON.parse(text).components.filter(
      ({ type }: { type: string }) => type === "file",
    );
    assert.deepEqual(
      told.map(({ name, hashes = [], properties }: Told) =>
        [name, ...[...hashes, ...properties].map((told) => told.content ?? told.value)].join(" "),
      ),
      [
        `/srv/data ${digest("b")} 7 unowned`,
        `/usr/bin/tool ${digest("b")} 7 tool changed`,
        "/var/large 7 tool unread",
      ],
    );
  });

  it("is valid CycloneDX 1.6 and belongs to the image", async () => {
    const text = encodeSbom(subject, list(packages));
    assert.equal(await validator.validate(text), null);
    const bom = JSON.parse(text);
    assert.equal(bom.metadata.timestamp, subject.madeAt);
    assert.deepEqual(bom.metadata.component.hashes, [{ alg: "SHA-256", content: digest("a") }]);
    assert.deepEqual(
      bom.components.map(({ name, version }: { name: string; version: string }) => [name, version]),
      [
        ["bash", "5.2.15-2+b7"],
        ["zlib1g", "1:1.2.13.dfsg-1"],
      ],
    );
    assert.equal(bom.components[1].externalReferences[0].url, "http://zlib.net/");
    assert.equal(bom.components[0].externalReferences, undefined);
  });

  it("has equal bytes for equal images, in whatever order the packages come", () => {
    const text = encodeSbom(subject, list(packages));
    assert.equal(encodeSbom(subject, list(packages.toReversed())), text);
    const other = encodeSbom({ ...subject, imageSha256: digest("b") }, list(packages));
    const number = (bom: string) => (JSON.parse(bom) as { serialNumber: string }).serialNumber;
    assert.match(number(text), /^urn:uuid:[0-9a-f]{8}-[0-9a-f]{4}-8[0-9a-f]{3}-[89ab][0-9a-f]{3}-/);
    assert.notEqual(number(other), number(text));
  });

  it("stays valid whatever stands in a package database", async () => {
    const words = fc.string({ minLength: 1 });
    // neither dpkg nor rpm has names or versions with blanks
    const word = words.filter((text) => !/\s/.test(text));
    const odd = fc.record({
      name: word,
      version: word,
      license: fc.option(words),
      homepage: fc.option(words),
    });
    await fc.assert(
      fc.asyncProperty(fc.array(odd, { maxLength: 3 }), async (entries) => {
        const found = entries.map(({ name, version, ...more }) =>
          samplePackage(name, version, more),
        );
        assert.equal(await validator.validate(encodeSbom(subject, list(found))), null);
      }),
      { numRuns: 30 },
    );
  });

  it("says that it is incomplete where nobody could read the package database", async () => {
    const text = encodeSbom(subject, { distribution: null, ecosystem: null, packages: [] });
    assert.equal(await validator.validate(text), null);
    assert.match(text, /no package database that kragle can read/);
  });

  it("says which files it does not list", () => {
    const files = (count: number) =>
      Array.from({ length: count }, (_, index) => ({
        ...{ path: `/srv/${index}`, state: "unowned" as const, package: null },
        ...{ bytes: 1, sha256: digest("b") },
      }));
    assert.match(encodeSbom(subject, list(packages), null), /files could not be compared/);
    assert.doesNotMatch(encodeSbom(subject, list(packages), files(2)), /files-lacking/);
    assert.match(encodeSbom(subject, list(packages), files(20_003)), /"3 files more, in order/);
  });

  it("names packages by their URLs", () => {
    assert.equal(
      packageUrl(samplePackage("bash", "5.2-2"), list([])),
      "pkg:deb/debian/bash@5.2-2?arch=amd64&distro=debian-12",
    );
    assert.equal(
      packageUrl(packages[0]!, list([])),
      "pkg:deb/debian/zlib1g@1:1.2.13.dfsg-1?arch=amd64&distro=debian-12&upstream=zlib%401:1.2.13.dfsg-1",
    );
    assert.equal(
      packageUrl(samplePackage("vim", "2:7.4-1.el7"), {
        ...list([], "rpm"),
        distribution: { id: "rhel", versionId: "7.1", prettyName: "" },
      }),
      "pkg:rpm/rhel/vim@7.4-1.el7?arch=amd64&distro=rhel-7.1&epoch=2",
    );
  });

  it("writes URLs as packageurl-python does, which others read and compare", () => {
    // by packageurl-python 0.17.6
    const theirs = [
      "pkg:deb/debian/libstdc%2B%2B6@12.2.0-14%2Bdeb12u1?arch=amd64&distro=debian-12&upstream=gcc-12%4012.2.0-14",
      "pkg:deb/debian/bash@5.2.15-2%2Bb7?arch=amd64&distro=debian-12&upstream=bash%405.2.15-2",
      "pkg:deb/debian/gawk@1:5.2.1~rc1-2?arch=amd64&distro=debian-12&upstream=gawk%401:5.2.1~rc0-2",
    ];
    const ours = [
      samplePackage("libstdc++6", "12.2.0-14+deb12u1", {
        source: "gcc-12",
        sourceVersion: "12.2.0-14",
      }),
      samplePackage("bash", "5.2.15-2+b7", { sourceVersion: "5.2.15-2" }),
      samplePackage("gawk", "1:5.2.1~rc1-2", { sourceVersion: "1:5.2.1~rc0-2" }),
    ];
    assert.deepEqual(
      ours.map((found) => packageUrl(found, list([]))),
      theirs,
    );
  });

  it("writes URLs from which every name and version can be read again", () => {
    // the alphabets of dpkg and rpm
    const letters = [..."aZ09.+-~:^_"];
    const word = fc.string({ unit: fc.constantFrom(...letters), minLength: 1, maxLength: 12 });
    const named = word.map((text) => `p${text.replace(/[:~^]/g, "").toLowerCase()}`);
    fc.assert(
      fc.property(named, word, word, (name, version, sourceVersion) => {
        const found = samplePackage(name, version, { sourceVersion });
        const url = packageUrl(found, list([]));
        assert.doesNotMatch(url, /\+/);
        const read = PackageURL.fromString(url);
        assert.deepEqual([read.name, read.version], [name, version]);
        const upstream = version === sourceVersion ? undefined : `${name}@${sourceVersion}`;
        assert.equal(read.qualifiers?.upstream, upstream);
      }),
    );
  });
});
