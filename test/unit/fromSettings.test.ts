import assert from "node:assert/strict";

import fc from "fast-check";

import { readInputFiles } from "../../preview/inputFiles";
import { parseSettings, SettingsError } from "../../settings/stack";
import { planImage } from "../../plan/imagePlan";
import type { PublishedDigest } from "../../plan/publishedDigest";
import { formatOfName, parseSourceFormat, partsOf, SOURCE_FORMATS } from "../../plan/sourceFormats";

const SHA256 = "0123456789abcdef".repeat(4);
const SHA512 = SHA256.repeat(2);
const CLOUD = { template: "cloud" };

const parse = (from: unknown, change: Record<string, unknown> = CLOUD) =>
  parseSettings({ ...change, from }, "web");

/** Without the setting's name, which begins each of them. */
function problems(from: unknown, change?: Record<string, unknown>): string[] {
  try {
    parse(from, change);
  } catch (error) {
    assert.ok(error instanceof SettingsError, String((error as Error).stack));
    return error.problems.map((problem) => problem.replace(/^kragle:from/, ""));
  }
  return [];
}

describe("the setting from", () => {
  it("is a disk by its path or addresses, in the format that its name tells", () => {
    const disk = { kind: "disk", digest: { algorithm: "sha256", hex: SHA256 } };
    assert.deepEqual(parse({ path: "disks/web-1.4.qcow2", sha256: SHA256.toUpperCase() }).from, {
      ...{ ...disk, path: "disks/web-1.4.qcow2", urls: [], format: "qcow2" },
    });
    const url = "https://u:p@host/a/web.RAW.XZ?token=1#x";
    const fetched = { ...disk, path: null, urls: [url], format: "raw.xz" };
    assert.deepEqual(parse({ url, sha256: SHA256 }).from, fetched);
    assert.deepEqual(
      parse(JSON.stringify({ url: [url, "http://b/x"], sha256: SHA256 })).from,
      { ...fetched, urls: [url, "http://b/x"] },
      "as Pulumi hands it over",
    );
    const named = parse({ path: "web.img", format: "VHD.gz", sha256: SHA256 }).from;
    assert.equal(named?.format, "vpc.gz");
  });

  it("has its digest by SHA-512 where its publisher gives that", () => {
    const { from } = parse({ path: "web.qcow2", sha512: SHA512.toUpperCase() });
    assert.deepEqual(from?.digest, { algorithm: "sha512", hex: SHA512 });
    assert.deepEqual(problems({ path: "web.qcow2", sha512: SHA256 }), [
      `.sha512: "${SHA256}" is not a SHA-512, which has 128 hexadecimal digits; it has the 64 of a SHA-256`,
    ]);
    assert.deepEqual(problems({ path: "web.qcow2", sha512: SHA512, sha256: SHA256 }), [
      ": has sha256 and sha512; write one of them",
    ]);
  });

  it("is told of all that is wrong at once", () => {
    assert.deepEqual(problems({ path: "web.img", url: "ftp://h/x", sha256: "abc" }), [
      ".url[0]: is not the address of a file; write it as in https://host/folder/web.qcow2",
      '.sha256: "abc" is not a SHA-256, which has 64 hexadecimal digits',
      ": has both path and url; write one of them",
    ]);
    assert.deepEqual(problems({ sum: SHA256 }), [
      ": sum is unknown; allowed are path, url, format, sha256, sha512, checksums, signature, keys, or image, or stack and image",
      ": names no disk; write {path: FILE} or {url: ADDRESS}, with sha256 or sha512, or with checksums and keys, {image: NAME} or {stack: NAME}",
    ]);
    assert.deepEqual(problems({ path: "web.qcow2", sha256: 342391 }), [
      ".sha256: 342391 is not text; write the 64 hexadecimal digits in quotes",
    ]);
    const [lacking, unsure, ...others] = problems({ path: "web.img" });
    assert.match(lacking!, /^\.sha256: is missing/);
    assert.match(
      unsure!,
      /^\.format: is missing, and the name "web\.img" does not tell: qcow2, raw/,
    );
    assert.deepEqual(others, []);
    assert.match(
      problems({ path: "x.qcow2", format: "zip", sha256: SHA256 })[0]!,
      /^\.format: "zip" is not a format; allowed are qcow2, raw, vmdk, vhd or vhdx, with \.xz/,
    );
    assert.match(problems("web.qcow2")[0]!, /^: "web\.qcow2" is no source; write \{path: FILE\}/);
    assert.match(problems({ url: [], sha256: SHA256 })[0]!, /names no address/);
    for (const host of ["127.0.0.1:8000", "LocalHost", "u:p@[::1]", "127.1"]) {
      assert.deepEqual(problems({ url: [`http://${host}/x.qcow2`], sha256: SHA256 }), [
        ".url[0]: is this machine's loopback, which the container that fetches it does not reach; name another address of this machine on which the service listens",
      ]);
    }
    for (const host of ["localhost.example", "127.example:80", "localhost@host"]) {
      assert.deepEqual(problems({ url: `http://${host}/x.qcow2`, sha256: SHA256 }), []);
    }
    // no message repeats what may be a token
    const secret = problems({ url: "https://[host/x?token=canary", sha256: SHA256 });
    assert.match(secret[0]!, /is not the address/);
    assert.doesNotMatch(secret.join("\n"), /canary/);
  });

  it("has its digest by a list that is signed, with the keys to trust", () => {
    const list = { checksums: "https://h/SHA256SUMS", keys: ["package.json"] };
    const url = "https://h/web.qcow2";
    assert.deepEqual(parse({ url, ...list }).from?.digest, {
      ...{ checksums: list.checksums, signature: null },
      keys: [{ file: "package.json", fingerprint: null }],
    });
    const fingerprint = `0x${"abcd ".repeat(10)}`;
    const keys = [{ file: "package.json", fingerprint }];
    assert.deepEqual(parse({ url, ...list, signature: "sums.asc", keys }).from?.digest, {
      ...{ checksums: list.checksums, signature: "sums.asc" },
      keys: [{ file: "package.json", fingerprint: "ABCD".repeat(10) }],
    });
  });

  it("is told of what is wrong with the list, all of it at once", () => {
    const url = "https://h/web.qcow2";
    assert.deepEqual(problems({ url, sha256: SHA256, checksums: "ftp://h/x", signature: "" }), [
      ".checksums: is not the address of a file; write it as in https://host/folder/SHA256SUMS",
      '.signature: is empty; write a path, as in "SHA256SUMS.asc"',
      ": has sha256 and checksums; write one of them",
      ".keys: is missing: files of the OpenPGP keys that may have signed the list",
    ]);
    assert.deepEqual(problems({ url, sha256: SHA256, keys: ["package.json"], signature: "x" }), [
      ".signature: goes with checksums, which names the signed list",
      ".keys: goes with checksums, which names the signed list",
    ]);
    const keys = ["none.asc", { file: "package.json", fingerprint: "abc" }, { key: "x" }];
    const [missing, short, ...others] = problems({ url, checksums: "SUMS", keys });
    assert.equal(missing, ".keys[0].file: there is no file none.asc");
    assert.match(
      short!,
      /^\.keys\[1\]\.fingerprint: is not a key's fingerprint, which has 40 or 64/,
    );
    assert.match(others.join("\n"), /^\.keys\[2\].*\n/);
    assert.deepEqual(problems({ url, checksums: "SUMS", keys: [] }), [
      ".keys: names no key: nobody would be trusted",
    ]);
  });

  it("goes with a template that takes one, and such a template needs it", () => {
    const disk = { path: "x.qcow2", sha256: SHA256 };
    assert.match(problems({})[0]!, /^: is missing; cloud begins with a disk that is there: write/);
    assert.match(
      problems(disk, { template: "debian12" })[0]!,
      /^: debian12 is installed from packages, on an empty disk; use the template cloud/,
    );
    const rhel = { template: "rhel7", isoSha256: SHA256, diskSize: "10 GiB" };
    assert.match(problems(disk, rhel)[0]!, /rhel7 is installed from an ISO/);
    assert.deepEqual(problems(disk, { ...CLOUD, snapshot: "2026-11-01" }), [
      "kragle:snapshot: a disk has no earlier states; leave it out",
    ]);
  });

  it("is in the key of base by digest and format, and not by its place", () => {
    const keyOf = (from: object) => {
      const spec = parse(from);
      return planImage(spec, readInputFiles(spec, spec.from!.digest as PublishedDigest), null).base
        .key;
    };
    const key = keyOf({ path: "x.qcow2", sha256: SHA256 });
    assert.equal(keyOf({ url: "https://h/y.qcow2", sha256: SHA256 }), key);
    assert.notEqual(keyOf({ path: "x.qcow2", sha256: "f".repeat(64) }), key);
    assert.notEqual(keyOf({ path: "x.vmdk", sha256: SHA256 }), key);
    assert.notEqual(keyOf({ path: "x.qcow2", sha512: SHA512 }), key);
  });

  it("has its digest in the key under the name of the algorithm, beside the format", () => {
    const source = (from: object) => {
      const spec = parse({ path: "x.qcow2", ...from });
      const files = readInputFiles(spec, spec.from!.digest as PublishedDigest);
      const { inputs } = planImage(spec, files, null).base.description;
      return Object.fromEntries(Object.entries(inputs).filter(([name]) => /^source/.test(name)));
    };
    assert.deepEqual(source({ sha256: SHA256 }), { sourceFormat: "qcow2", sourceSha256: SHA256 });
    assert.deepEqual(source({ sha512: SHA512 }), { sourceFormat: "qcow2", sourceSha512: SHA512 });
  });
});

describe("the format of a file", () => {
  it("is what its name says, whatever stands before", () => {
    fc.assert(
      fc.property(fc.constantFrom(...SOURCE_FORMATS), fc.string(), (format, before) => {
        assert.equal(formatOfName(`${before}.${format}`), format);
        assert.equal(formatOfName(`${before}.${format.toUpperCase()}`), format);
        const { format: disk, compression } = partsOf(format);
        assert.equal([disk, compression].filter(Boolean).join("."), format);
      }),
    );
  });

  it("has its publishers' other names, and none for what says nothing", () => {
    assert.equal(formatOfName("web.vhd"), "vpc");
    assert.equal(formatOfName("web.vhd.zstd"), "vpc.zst");
    assert.equal(parseSourceFormat("raw.gzip"), "raw.gz");
    for (const name of ["web.img", "web", "web.xz", "qcow2", "web.img.xz", "web.tar.gz"]) {
      assert.equal(formatOfName(name), undefined, name);
    }
  });
});
