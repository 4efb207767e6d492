import assert from "node:assert/strict";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { readStackSettings } from "../../cli/stackSettings";
import { readInputFiles } from "../../preview/inputFiles";
import { parseSettings, SettingsError } from "../../settings/stack";
import { planImage } from "../../plan/imagePlan";
import type { ImageSpec } from "../../plan/imageSpec";
import { digest, keysOf, sampleInputs, sampleSpec } from "../samples";

const SHA256 = "0123456789abcdef".repeat(4);
const ISO = "rhel-server-7.1-x86_64-dvd.iso";

const parse = (change: Record<string, unknown> = {}): ImageSpec =>
  parseSettings({ ...readStackSettings("rhel7").values, isoSha256: SHA256, ...change }, "rhel7");

function problems(change: Record<string, unknown>): readonly string[] {
  try {
    parse(change);
  } catch (error) {
    assert.ok(error instanceof SettingsError, String((error as Error).stack));
    return error.problems;
  }
  return [];
}

describe("settings of a template that is installed from an ISO", () => {
  it("have the ISO in PATH/os by default, under its publisher's name", () => {
    const iso = { path: `build/rhel7/os/${ISO}`, urls: [], sha256: SHA256 };
    assert.deepEqual(parse().iso, iso);
    assert.deepEqual(parse({ path: "/srv/x" }).iso, { ...iso, path: `/srv/x/os/${ISO}` });
    const given = {
      isoPath: "/iso/a b.iso",
      isoUrls: ["https://host/x.iso", "http://h:80/x?token=1"],
    };
    assert.deepEqual(parse({ ...given, isoSha256: SHA256.toUpperCase() }).iso, {
      path: given.isoPath,
      urls: given.isoUrls,
      sha256: SHA256,
    });
    const centos = parse({ template: "centos7" }).iso;
    assert.equal(centos?.path, "build/rhel7/os/CentOS-7-x86_64-DVD-2009.iso");
  });

  it("say without a checksum which file is needed, where it belongs and how its checksum is given", () => {
    const [problem, ...others] = problems({ isoSha256: "" });
    assert.deepEqual(others, []);
    assert.match(
      problem!,
      /^kragle:isoSha256: is missing; rhel7 is installed from rhel-server-7\.1-x86_64-dvd\.iso/,
    );
    assert.match(problem!, /put it at build\/rhel7\/os\/rhel-server-7\.1-x86_64-dvd\.iso/);
    assert.match(problem!, /pulumi config set kragle:isoSha256 <64 digits>/);
    assert.match(problems({ isoSha256: "", isoUrls: ["https://h/x"] })[0]!, /fetched from/);
    const folder = mkdtempSync(join(tmpdir(), "kragle iso "));
    try {
      mkdirSync(join(folder, "os"));
      writeFileSync(join(folder, "os", ISO), "");
      assert.match(problems({ isoSha256: "", path: folder })[0]!, /\(it is there: /);
    } finally {
      rmSync(folder, { recursive: true });
    }
  });

  it("are refused where they cannot be meant", () => {
    assert.deepEqual(problems({ isoSha256: "abc" }), [
      'kragle:isoSha256: "abc" is not a SHA-256, which has 64 hexadecimal digits',
    ]);
    assert.deepEqual(problems({ isoUrls: ["https://host/x.iso", "file:///x.iso"] }), [
      "kragle:isoUrls[1]: is not the address of a file; write it as in https://host/folder/name.iso",
    ]);
    assert.deepEqual(problems({ isoUrls: "https://host/x.iso" }), [
      'kragle:isoUrls: "https://host/x.iso" is not a list; write a list of addresses',
    ]);
    assert.deepEqual(problems({ suite: "sid" }), [
      "kragle:suite: an ISO has one release only; leave it out",
    ]);
    assert.deepEqual(problems({ snapshot: "2026-11-01" }), [
      "kragle:snapshot: an ISO has no earlier states; leave it out",
    ]);
    assert.deepEqual(problems({ diskSize: "2 GiB" }), [
      'kragle:diskSize: "2 GiB" is too small for rhel7, which needs at least 4.0 GiB',
    ]);
  });

  it("of a template without one need none", () => {
    const { iso } = parseSettings(readStackSettings("dev").values, "dev");
    assert.equal(iso, null);
  });
});

describe("credentials", () => {
  it("are a user with a password, or an organisation with an activation key", () => {
    const user = { rhsmUsername: "u@example.com", rhsmPassword: "pa'ss,\"word%" };
    assert.deepEqual(parse(user).credentials, user);
    assert.deepEqual(parse({ ...user, rhsmOrg: "7" }).credentials, { ...user, rhsmOrg: "7" });
    const key = { rhsmOrg: "7", rhsmActivationKey: "k" };
    assert.deepEqual(parse(key).credentials, key);
    assert.deepEqual(parse().credentials, {});
  });

  it("are refused by halves", () => {
    const missing = (name: string, by: string) =>
      `kragle:${name}: is missing; kragle:${by} needs it`;
    assert.deepEqual(problems({ rhsmUsername: "u" }), [missing("rhsmPassword", "rhsmUsername")]);
    assert.deepEqual(problems({ rhsmPassword: "u" }), [missing("rhsmUsername", "rhsmPassword")]);
    assert.deepEqual(problems({ rhsmActivationKey: "u" }), [
      missing("rhsmOrg", "rhsmActivationKey"),
    ]);
    assert.deepEqual(problems({ rhsmOrg: "u" }), [missing("rhsmActivationKey", "rhsmOrg")]);
  });

  it("are never repeated in a message", () => {
    for (const value of [4711, ["4711"], "4711{{"]) {
      const said = problems({ rhsmUsername: "u", rhsmPassword: value }).join("\n");
      assert.match(said, /^kragle:rhsmPassword: /);
      assert.doesNotMatch(said, /4711/);
    }
  });

  it("are in no key and in no other part of an image's description", () => {
    const { credentials, ...rest } = parse({ rhsmOrg: "4711", rhsmActivationKey: "canary" });
    assert.equal(Object.keys(credentials).length, 2);
    assert.doesNotMatch(JSON.stringify(rest), /4711|canary/);
    assert.equal(
      Object.keys(rest).some((name) => name.startsWith("rhsm")),
      false,
    );
  });
});

describe("keys of an image from an ISO", () => {
  const iso = { path: "build/x/os/x.iso", urls: [], sha256: digest("c") };
  const keys = (change: Partial<ImageSpec> = {}) =>
    keysOf({ ...sampleInputs, spec: { ...sampleSpec, iso, ...change } });

  it("are these of the sample", () => {
    const { base, image } = keys();
    assert.deepEqual(
      { base, image },
      {
        base: "b8b6cb484343f8caf5782174393879a17c894fbb602e1a8219be76b52a3ffda8",
        image: "cd8c7a23d7986ee0f7ffadab15e8af1714864424e99d3d7b38195959979793c1",
      },
    );
  });

  it("depend on its content, not on where it comes from", () => {
    assert.deepEqual(keys({ iso: { ...iso, path: "/else", urls: ["https://h/x"] } }), keys());
    assert.notEqual(keys({ iso: { ...iso, sha256: digest("d") } }).base, keys().base);
  });

  it("do not depend on what only a bootstrapped system knows", () => {
    assert.deepEqual(keys({ kernel: "generic", snapshot: "2026-11-01" }), keys());
  });

  it("of CentOS 7 and RHEL 7 differ in nothing but the ISO: they share their files", () => {
    const of = (template: string) => {
      const spec = parse({ template });
      return { files: readInputFiles(spec), spec };
    };
    const [rhel, centos] = [of("rhel7"), of("centos7")];
    assert.deepEqual(centos.files, rhel.files);
    assert.deepEqual(Object.keys(rhel.files.base), [
      "firstboot/kragle-firstboot",
      "firstboot/kragle-firstboot.service",
      "install.json",
      "ks.cfg",
    ]);
    assert.deepEqual(Object.keys(rhel.files.scripts), [
      "10-subscribe.sh",
      "20-guest-tools.sh",
      "80-unsubscribe.sh",
      "90-generalise.sh",
    ]);
    assert.equal(
      planImage(centos.spec, centos.files, null).base.key,
      planImage(rhel.spec, rhel.files, null).base.key,
    );
  });
});
