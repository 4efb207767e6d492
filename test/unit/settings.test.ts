import assert from "node:assert/strict";
import { cpSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import fc from "fast-check";

import { readStackSettings } from "../../cli/stackSettings";
import { parseSettings } from "../../settings/stack";
import { inProject } from "../../host/project";
import type { ImageSpec } from "../../plan/imageSpec";

/** The settings of the stack dev, and in their place what a test changes. */
const devValues = () => readStackSettings("dev").values;

const parse = (change: Record<string, unknown> = {}): ImageSpec =>
  parseSettings({ ...devValues(), ...change }, "dev");

const MINUTE = 60;
import { scriptStep } from "../samples";

describe("settings", () => {
  it("of the stack dev are this image", () => {
    assert.deepEqual(parse(), {
      architecture: "amd64",
      template: {
        name: "debian12",
        folder: "builder/templates/debian12",
        minimumDiskBytes: 2_147_483_648,
        install: "bootstrap",
        ...{ suite: "bookworm", kernels: ["cloud", "generic"], medium: null },
        smoke: { channel: "agent", firmware: ["bios", "uefi"] },
      },
      path: "build/dev",
      imageName: "packer-kragle-qcow2",
      imageId: null,
      version: null,
      onRelease: null,
      diskBytes: 4_294_967_296,
      memoryMiB: 1024,
      cpus: 2,
      kernel: "cloud",
      suite: null,
      provision: [],
      variables: {},
      secrets: {},
      formats: [{ format: "raw", options: {}, fileName: "kragle.raw", name: "raw" }],
      points: 16 * 2 ** 30,
      packageCache: 2 ** 30,
      runsOn: [],
      publish: [],
      check: { rules: [], waive: [] },
      smoke: "qemu",
      proof: "quick",
      tests: [],
      libvirtUri: "qemu:///system",
      accelerator: "auto",
      privileged: false,
      vnc: null,
      network: { allow: [] },
      iso: null,
      from: null,
      credentials: {},
      builderImage: null,
      baseImage:
        "debian:bookworm-slim@sha256:abd67ffcfa541b485a3dff59865ab629aa048a6c613e639d36e7456b0b229241",
      packer: "auto",
      snapshot: null,
      refreshAfter: null,
      signKey: null,
      timeouts: {
        base: 30 * MINUTE,
        image: 60 * MINUTE,
        ssh: 3 * MINUTE,
        script: 15 * MINUTE,
        shutdown: 2 * MINUTE,
        check: 10 * MINUTE,
        convert: 30 * MINUTE,
        smoke: 3 * MINUTE,
        release: 30 * MINUTE,
        progress: 10 * MINUTE,
        whole: 240 * MINUTE,
      },
      ...{ name: null, on: null },
    } satisfies ImageSpec);
  });

  it("that are absent have their defaults, which are those of Pulumi.yaml", () => {
    const { formats, ...rest } = parse();
    assert.deepEqual(parseSettings({}, "dev"), { ...rest, formats: [] });
    assert.equal(formats.length, 1);
  });

  const right: [string, unknown, keyof ImageSpec, unknown][] = [
    ["diskSize", "4096MiB", "diskBytes", 4_294_967_296],
    ["diskSize", "2 GiB", "diskBytes", 2_147_483_648],
    // a disk has whole sectors of 512 bytes
    ["diskSize", "4.7 GiB", "diskBytes", 5_046_586_880],
    ["diskSize", "0.0021 TiB", "diskBytes", 2_308_974_592],
    ["memory", "256 MiB", "memoryMiB", 256],
    ["memory", "1.5 GiB", "memoryMiB", 1536],
    ["cpus", "64", "cpus", 64],
    ["cpus", 1, "cpus", 1],
    ["kernel", "generic", "kernel", "generic"],
    ["smoke", "none", "smoke", "none"],
    ["proof", "full", "proof", "full"],
    ...[
      "qemu:///session",
      "qemu:///system?socket=/run/here/libvirt-sock",
      "qemu+ssh://root@host:2222/system?keyfile=/keys/id",
      "qemu+tls://host.example/system",
    ].map(
      (uri) =>
        ["libvirtUri", uri, "libvirtUri", uri] as [string, unknown, keyof ImageSpec, unknown],
    ),
    ["accelerator", "tcg", "accelerator", "tcg"],
    ["privileged", "true", "privileged", true],
    ["privileged", "false", "privileged", false],
    ["points", "off", "points", 0],
    ["points", "false", "points", 0],
    ["points", "512 MiB", "points", 2 ** 29],
    ["packageCache", "off", "packageCache", 0],
    ["packageCache", "4 GiB", "packageCache", 2 ** 32],
    ["vnc", "off", "vnc", null],
    ["vnc", "5900", "vnc", 5900],
    ["vnc", 1024, "vnc", 1024],
    ["path", "", "path", "build/dev"],
    ["path", "/srv/my images", "path", "/srv/my images"],
    ["builderImage", "", "builderImage", null],
    [
      "builderImage",
      "registry.example/kragle@sha256:1",
      "builderImage",
      "registry.example/kragle@sha256:1",
    ],
    ["packer", "release", "packer", "release"],
    ["snapshot", "2026-11-01", "snapshot", "2026-11-01"],
    ["snapshot", "2028-02-29", "snapshot", "2028-02-29"],
    ["refreshAfter", "7 days", "refreshAfter", 604_800],
    ["refreshAfter", "24 hours", "refreshAfter", 86_400],
    ["provision", '["builder/Dockerfile"]', "provision", [scriptStep("builder/Dockerfile")]],
    ["formats", "[]", "formats", []],
  ];
  for (const [name, value, field, expected] of right) {
    it(`${name}: ${JSON.stringify(value)}`, () => {
      assert.deepEqual(parse({ [name]: value })[field], expected);
    });
  }

  it("that are paths may begin with ~/, wherever a path is given", () => {
    const home = mkdtempSync(join(tmpdir(), "kragle home "));
    const before = process.env.HOME;
    process.env.HOME = home;
    try {
      cpSync(inProject("builder/templates/rhel7"), join(home, "rhel"), { recursive: true });
      writeFileSync(join(home, "app.sh"), "#!/bin/sh\n");
      writeFileSync(join(home, "own.yaml"), "rules: []\n");
      const spec = parse({
        ...{ template: "~/rhel", diskSize: "10 GiB", isoSha256: "0".repeat(64) },
        ...{ path: "~/out", isoPath: "~/x.iso", signKey: "~/.ssh/release" },
        provision: ["~/app.sh"],
        check: { rules: ["~/own.yaml"] },
        publish: [{ folder: "~/images" }, { folder: "~" }],
      });
      assert.equal(spec.template.folder, join(home, "rhel"));
      assert.equal(spec.path, join(home, "out"));
      assert.equal(spec.iso?.path, join(home, "x.iso"));
      assert.equal(spec.signKey, join(home, ".ssh/release"));
      assert.deepEqual(spec.provision, [scriptStep(join(home, "app.sh"))]);
      assert.deepEqual(spec.check.rules, [join(home, "own.yaml")]);
      const folders = [join(home, "images"), home].map((folder) => ({ folder }));
      assert.deepEqual(
        spec.publish.map(({ destination }) => destination),
        folders,
      );
    } finally {
      process.env.HOME = before;
      rmSync(home, { recursive: true });
    }
  });

  it("that are paths have ~ at their start only, and nobody else's", () => {
    for (const path of ["a~b/~", "./~", "/srv/~x"]) assert.equal(parse({ path }).path, path);
    const message = '"~bob/out" is another user\'s home; write the whole path, or ./~ for a folder';
    for (const name of ["path", "signKey", "isoPath"]) {
      assert.throws(
        () => parse({ [name]: "~bob/out" }),
        ({ message: said }: Error) => said.includes(`kragle:${name}: ${message}`),
      );
    }
  });

  it("may come as text, as Pulumi hands them over, and mean the same", () => {
    const values = { ...devValues(), timeouts: { image: 90 }, provision: ["builder/Dockerfile"] };
    const texts = Object.entries(values).map(([name, value]) => [
      name,
      typeof value === "string" ? value : JSON.stringify(value),
    ]);
    assert.deepEqual(
      parseSettings(Object.fromEntries(texts) as Record<string, string>, "dev"),
      parseSettings(values, "dev"),
    );
  });

  it("of times replace those steps only, in minutes", () => {
    const { timeouts } = parse({ timeouts: { image: 90, ssh: "5", script: 0.5 } });
    assert.deepEqual(timeouts, { ...parse().timeouts, image: 5400, ssh: 300, script: 30 });
  });

  it("name the folder of a release after the stack", () => {
    assert.equal(parseSettings(devValues(), "prod-eu").path, "build/prod-eu");
  });

  it("may name several formats, in order, options included", () => {
    const formats = ["vmdk", { format: "qcow2", compression: "zstd" }, "qcow2:compression=none"];
    assert.deepEqual(
      parse({ formats }).formats.map(({ name }) => name),
      ["vmdk", "qcow2-zstd", "qcow2-none"],
    );
  });

  it("may name places that releases are copied to, whose names do not depend on their order", () => {
    const folder = { folder: "/srv/images", keep: 5, files: ["kragle.raw"] };
    const pool = { pool: "images" };
    const parsed = parse({ publish: [folder, pool] }).publish;
    assert.deepEqual(parsed, [
      {
        name: "srv-images-dad9",
        destination: { folder: "/srv/images" },
        files: ["kragle.raw"],
        keep: 5,
      },
      {
        name: "images-537f",
        destination: { pool: "images", uri: "qemu:///system" },
        files: [],
        keep: 3,
      },
    ]);
    assert.deepEqual(parse({ publish: [pool, folder] }).publish, parsed.toReversed());
  });

  it("are never changed by parsing", () => {
    const values = Object.freeze({ ...devValues(), formats: Object.freeze(["raw"]) });
    assert.deepEqual(parseSettings(values, "dev"), parseSettings(values, "dev"));
  });

  it("give an image or a list of wrong settings, whatever is in them", () => {
    const names = Object.keys(devValues());
    const change = fc.dictionary(fc.constantFrom(...names, "constructor", "x"), fc.jsonValue(), {
      maxKeys: 3,
    });
    fc.assert(
      fc.property(change, (values) => {
        try {
          parse(values);
        } catch (error) {
          assert.match((error as Error).message, /^\d+ settings? (is|are) wrong:\n {2}kragle:/);
        }
      }),
    );
  });
});
