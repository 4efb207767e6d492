import assert from "node:assert/strict";
import { closeSync, ftruncateSync, mkdtempSync, openSync, rmSync, writeSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { Spec, Validation } from "@cyclonedx/cyclonedx-library";
import fc from "fast-check";
import { PackageURL } from "packageurl-js";

import { maskedSettings } from "../../infra/maskedSettings";
import { baseResource } from "../../stages/release/containers";
import type { PackageList } from "../../plan/packages";
import { comparePackages } from "../../release/packages";
import { changesSince, type PreviousRelease } from "../../release/previous";
import { provenance } from "../../release/provenance";
import type { PackageFile } from "../../plan/packageFiles";
import { encodeSbom, packageUrl } from "../../release/sbom";
import { originOf, type StageRun } from "../../release/stageRuns";
import { sha256File } from "../../host/files";
import { digest, sampleFiles, sampleSpec } from "../samples";
import type { SourceDisk } from "../../plan/imageSpec";
import type { PublishedDigest } from "../../plan/publishedDigest";
import { planImage } from "../../plan/imagePlan";
import { sha256 } from "../sha256";

const one = (name: string, version: string, more: object = {}) => ({
  ...{ name, version, architecture: "amd64", source: name, sourceVersion: version },
  ...{ license: null, homepage: null, installedBytes: 2048, ...more },
});
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
    one("zlib1g", "1:1.2.13.dfsg-1", { source: "zlib", homepage: "http://zlib.net/" }),
    one("bash", "5.2.15-2+b7", { sourceVersion: "5.2.15-2", homepage: "no address" }),
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
        [name, ...[...hashes, ...properties].map((one) => one.content ?? one.value)].join(" "),
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
        const found = entries.map(({ name, version, ...more }) => one(name, version, more));
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
      packageUrl(one("bash", "5.2-2"), list([])),
      "pkg:deb/debian/bash@5.2-2?arch=amd64&distro=debian-12",
    );
    assert.equal(
      packageUrl(packages[0]!, list([])),
      "pkg:deb/debian/zlib1g@1:1.2.13.dfsg-1?arch=amd64&distro=debian-12&upstream=zlib%401:1.2.13.dfsg-1",
    );
    assert.equal(
      packageUrl(one("vim", "2:7.4-1.el7"), {
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
      one("libstdc++6", "12.2.0-14+deb12u1", { source: "gcc-12", sourceVersion: "12.2.0-14" }),
      one("bash", "5.2.15-2+b7", { sourceVersion: "5.2.15-2" }),
      one("gawk", "1:5.2.1~rc1-2", { sourceVersion: "1:5.2.1~rc0-2" }),
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
        const found = one(name, version, { sourceVersion });
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

describe("how packages changed", () => {
  it("is what came, what went, and what has another version", () => {
    const before = [one("a", "1"), one("b", "1"), one("gone", "3")];
    const after = [one("a", "1"), one("b", "2"), one("new", "1")];
    const amd64 = { architecture: "amd64" };
    assert.deepEqual(comparePackages(before, after), {
      added: [{ name: "new", version: "1", ...amd64 }],
      removed: [{ name: "gone", version: "3", ...amd64 }],
      changed: [{ name: "b", from: "1", to: "2", ...amd64 }],
    });
  });

  it("tells architectures apart, and counts several versions of one package together", () => {
    const i386 = { ...one("a", "1"), architecture: "i386" };
    assert.deepEqual(comparePackages([one("a", "1"), i386], [one("a", "1"), one("a", "2")]), {
      added: [],
      removed: [{ name: "a", version: "1", architecture: "i386" }],
      changed: [{ name: "a", from: "1", to: "1, 2", architecture: "amd64" }],
    });
  });

  it("is nothing for a first release, and stays the same where one is repeated", () => {
    const previous: PreviousRelease = { files: [], stages: [] };
    const first = changesSince(previous, digest("a"), [one("a", "1")]);
    assert.deepEqual([first.previousImageSha256, first.added], [null, []]);
    const earlier = { ...previous, imageSha256: digest("a"), packages: [one("a", "1")] };
    const second = changesSince(earlier, digest("b"), [one("a", "2")]);
    assert.deepEqual([second.previousImageSha256, second.changed.length], [digest("a"), 1]);
    const repeated = { ...previous, imageSha256: digest("b"), changes: second };
    assert.deepEqual(changesSince(repeated, digest("b"), [one("a", "2")]), second);
  });
});

describe("where a release has a stage from", () => {
  const { image } = planImage(sampleSpec, sampleFiles, null);
  const run: StageRun = {
    ...{ root: "image", ...image, seconds: 60, phases: [] },
    ...{ startedOn: "2026-11-02T10:00:00.000Z", finishedOn: "2026-11-02T10:01:00.000Z" },
  };
  const previous = (stage: Partial<StageRun>, releasedAt = "2026-11-01T00:00:00.000Z") => ({
    ...{ files: [], releasedAt, imageSha256: digest("a") },
    stages: [{ ...run, finishedOn: "2026-11-01T00:00:00.000Z", ...stage }],
  });

  it("is told by the release before, with the input that changed", () => {
    const other = planImage({ ...sampleSpec, cpus: 1 }, sampleFiles, null).image;
    const origin = (before: PreviousRelease) => originOf(run, before, "ours");
    assert.deepEqual(origin(previous(other)), { from: "run", why: "cpus: 1 → 2" });
    assert.deepEqual(origin(previous(run)).from, "store");
    assert.match(origin(previous({})).why, /lost, or a rebuild/);
    assert.deepEqual(origin({ files: [], stages: [] }).from, "run");
    const late = previous(other, "2026-11-03T00:00:00.000Z");
    assert.deepEqual(origin(late).from, "store");
  });

  it("is the store where another stack has run it, also for a first release", () => {
    const other = planImage({ ...sampleSpec, cpus: 1 }, sampleFiles, null).image;
    const of = (owner: string) => ({
      ...run,
      madeBy: { kragle: { version: "0.1.0" }, containers: [], owner },
    });
    for (const before of [{ files: [], stages: [] }, previous(other), previous({})]) {
      const theirs = { from: "store", why: "another stack has made it" };
      assert.deepEqual(originOf(of("theirs"), before, "ours"), theirs);
      assert.equal(originOf(of("ours"), before, "ours").from, "run");
    }
  });
});

describe("the provenance", () => {
  it("names a disk that an image begins with by the digest that its publisher gives", () => {
    const from: SourceDisk = {
      ...{ kind: "disk", path: "x.qcow2", urls: [], format: "qcow2" },
      digest: { algorithm: "sha512", hex: digest("f").repeat(2) },
    };
    const files = { ...sampleFiles, source: from.digest as PublishedDigest };
    const { base } = planImage({ ...sampleSpec, from }, files, null);
    const statement = provenance({
      ...{ subjects: [], parameters: {}, stages: [], containers: [] },
      ...{ inputs: { base: base.description }, kragle: { version: "0.1.0" }, tools: {} },
      ...{ accelerator: "tcg", invocationId: "x", startedOn: "", finishedOn: "" },
    });
    assert.deepEqual(
      statement.predicate.buildDefinition.resolvedDependencies.filter(({ name }) =>
        name.startsWith("base/source"),
      ),
      [{ name: "base/sourceSha512", digest: { sha512: digest("f").repeat(2) } }],
    );
  });

  it("names every input file with its digest, and not how it was asked for", () => {
    const { builder, base, image } = planImage(
      { ...sampleSpec, iso: { path: "x.iso", urls: [], sha256: digest("f") } },
      { ...sampleFiles, scripts: { "50-1-app.sh": `${digest("6")}+x` } },
      null,
    );
    const statement = provenance({
      subjects: [{ name: "kragle.raw", sha256: digest("f") }],
      parameters: { diskSize: "4 GiB" },
      stages: [],
      inputs: {
        builder: builder.description,
        base: base.description,
        image: image.description,
      },
      containers: [{ name: "builder image", digest: { sha256: digest("c") } }],
      kragle: { version: "0.1.0", commit: "ab12", modified: true },
      tools: { packer: "1.6.6" },
      ...{ accelerator: "tcg", invocationId: "x", startedOn: "", finishedOn: "" },
    });
    const { buildDefinition, runDetails } = statement.predicate;
    assert.deepEqual(statement.subject, [{ name: "kragle.raw", digest: { sha256: digest("f") } }]);
    assert.deepEqual(buildDefinition.resolvedDependencies, [
      { name: "builder image", digest: { sha256: digest("c") } },
      {
        name: "kragle",
        digest: { gitCommit: "ab12" },
        annotations: { modified: true, stages: ["release"] },
      },
      { name: "builder/files/Dockerfile", digest: { sha256: digest("1") } },
      { name: "builder/files/install-tools.sh", digest: { sha256: digest("2") } },
      { name: "base/programs/base/install_system.py", digest: { sha256: digest("b") } },
      { name: "base/recipe/base.py", digest: { sha256: digest("3") } },
      { name: "base/recipe/template.json", digest: { sha256: digest("4") } },
      { name: "base/isoSha256", digest: { sha256: digest("f") } },
      { name: "image/programs/common/stage.py", digest: { sha256: digest("a") } },
      { name: "image/programs/image/build_image.py", digest: { sha256: digest("c") } },
      { name: "image/template/image.json", digest: { sha256: digest("5") } },
      {
        name: "image/scripts/50-1-app.sh",
        digest: { sha256: digest("6") },
        annotations: { executable: true },
      },
      { name: "image/steps/0/script", digest: { sha256: digest("6") } },
    ]);
    // the kragle that releases is not the one that made an image of whose run nothing is noted
    assert.deepEqual(runDetails.builder.version, { kragle: "unknown", packer: "1.6.6" });
  });

  it("names the image that the builder is built on, even where its tag has moved", () => {
    const image = (id: string, ...layers: string[]) => ({
      id: `sha256:${digest(id)}`,
      layers: layers.map((layer) => `sha256:${digest(layer)}`),
    });
    const builder = image("b", "1", "2", "3");
    const named = (base: ReturnType<typeof image> | undefined) =>
      baseResource(builder, { reference: "debian:12", image: base }).map(
        ({ name, digest: { sha256 } }) => [name, sha256],
      );
    const layer = [["first layer of the builder's base image", digest("1")]];
    assert.deepEqual(named(image("a", "1")), [["builder's base image", digest("a")]]);
    assert.deepEqual(named(image("a", "1", "9")), layer);
    assert.deepEqual(named(undefined), layer);
    const none = { reference: "debian:12", image: undefined };
    assert.deepEqual(baseResource({ id: "x", layers: [] }, none), []);
  });

  it("has every setting and no secret", () => {
    const before = process.env.PULUMI_CONFIG_SECRET_KEYS;
    process.env.PULUMI_CONFIG_SECRET_KEYS = '["kragle:path"]';
    try {
      assert.deepEqual(
        maskedSettings({
          ...{ rhsmPassword: "hunter2", rhsmActivationKey: "", path: "a/b", cpus: "2" },
          ...{ formats: '["raw"]', diskSize: "4 GiB", isoUrls: '["https://ada:pw@host/x.iso"]' },
        }),
        {
          ...{ cpus: 2, diskSize: "4 GiB", formats: ["raw"] },
          ...{ isoUrls: ["https://[MASKED]@host/x.iso"], path: "[MASKED]" },
          ...{ rhsmActivationKey: "", rhsmPassword: "[MASKED]" },
        },
      );
    } finally {
      if (before === undefined) delete process.env.PULUMI_CONFIG_SECRET_KEYS;
      else process.env.PULUMI_CONFIG_SECRET_KEYS = before;
    }
  });
});

describe("the digest of a large file", function () {
  this.timeout(60_000);
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "kragle large "))));
  afterEach(() => rmSync(folder, { recursive: true }));

  /** 80 MiB with some data and many holes, and what its SHA-256 is. */
  function sparse(places: readonly number[]) {
    const bytes = 80 * 2 ** 20 + 17;
    const content = Buffer.alloc(bytes);
    const file = openSync(join(folder, "file"), "w");
    ftruncateSync(file, bytes);
    for (const at of places) {
      const data = Buffer.from(`data at ${at}`);
      data.copy(content, at);
      writeSync(file, data, 0, Math.min(data.length, bytes - at), at);
    }
    closeSync(file);
    return sha256(content);
  }

  it("is that of all its bytes, whether they are stored or holes", async () => {
    for (const places of [[], [0], [3_000_001, 50_000_000], [80 * 2 ** 20 + 16]]) {
      const expected = sparse(places);
      assert.equal(await sha256File(join(folder, "file")), expected, String(places));
    }
  });

  it("fails where the file cannot be read", async () => {
    await assert.rejects(sha256File(join(folder, "none")), { code: "ENOENT" });
  });
});
