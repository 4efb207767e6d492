import assert from "node:assert/strict";

import fc from "fast-check";

import type { InputFiles, ProgrammedStage } from "../../plan/imagePlan";
import type { ImageSpec } from "../../plan/imageSpec";
import type { ProvisionStep, Step } from "../../plan/steps";
import {
  digest,
  type KeyInputs,
  keysOf,
  sampleFiles,
  sampleInputs,
  sampleSpec,
  scriptStep,
} from "../samples";

function changedStages(before: KeyInputs, after: KeyInputs): string[] {
  const [old, now] = [keysOf(before), keysOf(after)];
  return [...new Set([...Object.keys(old), ...Object.keys(now)])]
    .filter((name) => old[name] !== now[name])
    .sort();
}

const withSpec = (change: Partial<ImageSpec>) => (from: KeyInputs) => ({
  ...from,
  spec: { ...from.spec, ...change },
});
const withCheck = (change: Partial<ImageSpec["check"]>) => (from: KeyInputs) =>
  withSpec({ check: { ...from.spec.check, ...change } })(from);
const withFiles = (change: (files: InputFiles) => Partial<InputFiles>) => (from: KeyInputs) => ({
  ...from,
  files: { ...from.files, ...change(from.files) },
});

/** Another program of kragle's, as one stage runs it in its container. */
const withProgram = (stage: ProgrammedStage) =>
  withFiles(({ programs }) => ({
    programs: { ...programs, [stage]: { ...programs[stage], "common/new.py": digest("0") } },
  }));

const withTests =
  (tests: Readonly<Record<string, string>>, args: readonly string[] = []) =>
  (from: KeyInputs): KeyInputs => ({
    ...from,
    spec: {
      ...from.spec,
      tests: Object.keys(tests).map((script) => ({ script, args, timeoutSeconds: undefined })),
    },
    files: { ...from.files, tests },
  });

const [raw, zstd] = sampleSpec.formats;
const playbook: ProvisionStep = {
  ...{ kind: "ansible", playbook: "site.yml", folder: "ansible", variables: {}, secrets: [] },
  ...{ name: null, timeout: null, always: false, refreshAfter: null },
};
const [script] = sampleFiles.steps as [Step & { kind: "script" }];
const vmdk = { format: "vmdk", options: {}, fileName: "kragle.vmdk", name: "vmdk" };
const builderUp = ["base", "builder", "image"];
const ofImage = ["check", "convert-qcow2-zstd", "convert-raw", "release", "smoke"];

/** One change of an input, and the stages whose keys it changes. */
const CHANGES: readonly [string, (from: KeyInputs) => KeyInputs, string[]][] = [
  [
    "a builder's file",
    withFiles((f) => ({ builder: { ...f.builder, Dockerfile: digest("0") } })),
    builderUp,
  ],
  [
    "another builder's file",
    withFiles((f) => ({ builder: { ...f.builder, new: digest("0") } })),
    builderUp,
  ],
  ["the Docker base", withSpec({ baseImage: "debian@sha256:1" }), builderUp],
  ["which Packer", withSpec({ packer: "distribution" }), builderUp],
  ["a ready builder", withSpec({ builderImage: "registry.example/kragle:1" }), builderUp],
  [
    "the base's recipe",
    withFiles((f) => ({ base: { ...f.base, "base.py": digest("0") } })),
    ["base", "image"],
  ],
  ["a program of base", withProgram("base"), ["base", "image"]],
  ["a program of image", withProgram("image"), ["image"]],
  ["a program of check", withProgram("check"), ["check", "release"]],
  [
    "a program of convert",
    withProgram("convert"),
    ["convert-qcow2-zstd", "convert-raw", "release"],
  ],
  ["a program of smoke", withProgram("smoke"), ["release", "smoke"]],
  ["disk size", withSpec({ diskBytes: 2 ** 33 }), ["base", "image"]],
  ["kernel", withSpec({ kernel: "generic" }), ["base", "image"]],
  ["suite", withSpec({ suite: "sid" }), ["base", "image"]],
  ["snapshot", withSpec({ snapshot: "2026-11-01" }), ["base", "image"]],
  [
    "an ISO in place of packages",
    withSpec({ iso: { path: "x.iso", urls: [], sha256: digest("c") } }),
    ["base", "image"],
  ],
  ["the base's day", (from) => ({ ...from, epoch: "2026-11-01" }), ["base", "image"]],
  ["Packer's template", withFiles(() => ({ template: { "image.json": digest("0") } })), ["image"]],
  [
    "a script",
    withFiles((f) => ({ scripts: { ...f.scripts, "10-own.sh": digest("0") } })),
    ["image"],
  ],
  [
    "a step's content",
    withFiles(() => ({ steps: [{ ...script, script: digest("0") }] })),
    ["image"],
  ],
  ["a step more", withFiles(({ steps }) => ({ steps: [...steps, { kind: "reboot" }] })), ["image"]],
  [
    "a step by Ansible, which the builder then has",
    withSpec({ provision: [playbook] }),
    ["builder"],
  ],
  ["a step less", withFiles(() => ({ steps: [] })), ["image"]],
  [
    "a step's variables",
    withFiles(() => ({ steps: [{ ...script, variables: { A: "" } }] })),
    ["image"],
  ],
  ["a step's secrets", withFiles(() => ({ steps: [{ ...script, secrets: ["A"] }] })), ["image"]],
  ["memory", withSpec({ memoryMiB: 2048 }), ["image", "release", "smoke"]],
  ["processors", withSpec({ cpus: 4 }), ["image", "release", "smoke"]],
  ["the rules", withFiles(() => ({ rules: digest("0") })), ["check", "release"]],
  [
    "the user's rules",
    withFiles(() => ({ ownRules: { "1-site.yaml": digest("0") } })),
    ["check", "release"],
  ],
  [
    "a waiver",
    withCheck({ waive: [{ rule: "ssh.passwords", reason: "console" }] }),
    ["check", "release"],
  ],
  ["a format more", withSpec({ formats: [raw!, zstd!, vmdk] }), ["convert-vmdk", "release"]],
  ["a format less", withSpec({ formats: [zstd!] }), ["convert-raw", "release"]],
  ["the image's name", withSpec({ imageName: "web.qcow2" }), ["release"]],
  [
    "a format's file name",
    withSpec({ formats: [{ ...raw!, file: "disk.img" }, zstd!] }),
    ["release"],
  ],
  [
    "a format's option",
    withSpec({ formats: [raw!, { ...zstd!, options: { compression: "zlib" } }] }),
    ["convert-qcow2-zstd", "release"],
  ],
  ["how much is proven", withSpec({ proof: "full" }), ["release", "smoke"]],
  [
    "how the guest is asked",
    withSpec({
      template: { ...sampleSpec.template, smoke: { channel: "ssh", firmware: ["bios"] } },
    }),
    ["release", "smoke"],
  ],
  ["a test", withTests({ "1-web.sh": digest("1") }), ["release", "smoke"]],
  ["no boot", withSpec({ smoke: "none" }), ["release", "smoke"]],
  ["where to release", withSpec({ path: "/srv/images" }), ["release"]],
  [
    "whose release it is",
    withFiles(({ owner }) => ({ owner: { ...owner, clone: "another" } })),
    ["release"],
  ],
  ["the image's content", (from) => ({ ...from, sha256: digest("b") }), ofImage],
];

/** What must never make anything run again. */
const NEUTRAL: readonly [string, (from: KeyInputs) => KeyInputs][] = [
  ["accelerator", withSpec({ accelerator: "tcg" })],
  ["privileges", withSpec({ privileged: true })],
  ["what the image says it is", withSpec({ imageId: "web", version: "1.4" })],
  ["the guest's screen", withSpec({ vnc: 5900 })],
  [
    "credentials",
    withSpec({ credentials: { rhsmUsername: "u", rhsmPassword: "p", rhsmOrg: "1" } }),
  ],
  ["where the user's rules lie", withCheck({ rules: ["/a/site.yaml"] })],
  ["where the scripts lie", withSpec({ provision: [scriptStep("/somewhere/else/app.sh")] })],
  [
    "where the template lies",
    withSpec({
      template: { ...sampleSpec.template, name: "t", folder: "/t", minimumDiskBytes: 1 },
    }),
  ],
  ["where it is to run", withSpec({ runsOn: ["metal"] })],
  ["the age at which a base is renewed", withSpec({ refreshAfter: 604_800 })],
  ...Object.keys(sampleSpec.timeouts).map(
    (step) =>
      [
        `the time for ${step}`,
        withSpec({ timeouts: { ...sampleSpec.timeouts, [step]: 1 } }),
      ] as const satisfies [string, unknown],
  ),
];

describe("a changed input", () => {
  it("of the builder does not count where a ready one is used", () => {
    const ready = withSpec({ builderImage: "registry.example/kragle:1" })(sampleInputs);
    const other = withFiles(() => ({ builder: {} }))(withSpec({ packer: "release" })(ready));
    assert.deepEqual(changedStages(ready, other), []);
  });

  for (const [what, change, stages] of CHANGES) {
    it(`${what} changes the keys of ${stages.join(", ")}`, () => {
      assert.deepEqual(changedStages(sampleInputs, change(sampleInputs)), [...stages].sort());
    });
  }

  for (const [what, change] of NEUTRAL) {
    it(`${what} changes no key`, () => {
      assert.deepEqual(changedStages(sampleInputs, change(sampleInputs)), []);
    });
  }

  it("of the user's tests is their content, order, names and arguments, not how long they may take", () => {
    const [a, b] = [digest("1"), digest("2")];
    const two = withTests({ "1-a.sh": a, "2-b.sh": b })(sampleInputs);
    const changed = (after: KeyInputs) => changedStages(two, after);
    const proofs = ["release", "smoke"];
    assert.deepEqual(changed(withTests({ "1-a.sh": a, "2-b.sh": a })(sampleInputs)), proofs);
    assert.deepEqual(changed(withTests({ "1-b.sh": b, "2-a.sh": a })(sampleInputs)), proofs);
    assert.deepEqual(changed(withTests({ "1-a.sh": a })(sampleInputs)), proofs);
    assert.deepEqual(changed(withTests({ "1-a.sh": a, "2-b.sh": b }, ["x"])(sampleInputs)), proofs);
    const slow = two.spec.tests.map((test) => ({ ...test, timeoutSeconds: 9, script: "/x/y" }));
    assert.deepEqual(changed(withSpec({ tests: slow })(two)), []);
  });

  it("the template's own release changes no key where it is named once more", () => {
    const { suite } = sampleSpec.template;
    assert.deepEqual(changedStages(sampleInputs, withSpec({ suite })(sampleInputs)), []);
  });

  it("the formats' order changes no key", () => {
    const turned = withSpec({ formats: [zstd!, raw!] })(sampleInputs);
    assert.deepEqual(changedStages(sampleInputs, turned), []);
  });

  it("among several changes exactly the keys that each of them changes", () => {
    // changes of one and the same field undo each other, so those stand for one
    const apart = CHANGES.filter(
      ([what]) =>
        !/^(a (format less|script more)|how the guest)|file name|by Ansible|option$/.test(what),
    );
    fc.assert(
      fc.property(fc.subarray(apart), fc.subarray([...NEUTRAL]), (some, neutral) => {
        const changes = [...some, ...neutral].map(([, change]) => change);
        const after = changes.reduce((inputs, change) => change(inputs), sampleInputs);
        const expected = new Set(some.flatMap(([, , stages]) => stages));
        assert.deepEqual(changedStages(sampleInputs, after), [...expected].sort());
      }),
    );
  });
});
