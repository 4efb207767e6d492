import { type InputFiles, planImage } from "../plan/imagePlan";
import { planProof } from "../plan/proofPlan";
import type { ImageSpec } from "../plan/imageSpec";
import type { ProvisionStep } from "../plan/steps";

/** A digest that can be told from others at a glance: one hex digit, 64 times. */
export const digest = (digit: string) => digit.repeat(64);

/** A step that is nothing but a script. */
export const scriptStep = (script: string): ProvisionStep => ({
  ...{ kind: "script", script, args: [], variables: {}, secrets: [] },
  ...{ name: null, timeout: null, always: false, refreshAfter: null },
});

/** One image with every setting fixed; pinned keys are of this one, so it never follows the defaults. */
export const sampleSpec: ImageSpec = {
  name: null,
  architecture: "amd64",
  template: {
    name: "sample",
    folder: "builder/templates/sample",
    minimumDiskBytes: 2 ** 31,
    install: "bootstrap",
    ...{ suite: "bookworm", kernels: ["cloud", "generic"], medium: null },
    smoke: { channel: "agent", firmware: ["bios", "uefi"] },
  },
  path: "build/sample",
  ...{ imageName: "packer-kragle-qcow2", imageId: null, version: null },
  diskBytes: 2 ** 32,
  memoryMiB: 1024,
  cpus: 2,
  kernel: "cloud",
  suite: null,
  provision: [scriptStep("scripts/app.sh")],
  variables: {},
  secrets: {},
  points: 2 ** 34,
  packageCache: 2 ** 30,
  formats: [
    { format: "raw", options: {}, fileName: "kragle.raw", name: "raw" },
    {
      format: "qcow2",
      options: { compression: "zstd" },
      fileName: "kragle.zstd.qcow2",
      name: "qcow2-zstd",
    },
  ],
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
  on: null,
  onRelease: null,
  credentials: {},
  builderImage: null,
  baseImage: "debian:bookworm-slim",
  packer: "auto",
  snapshot: null,
  refreshAfter: null,
  signKey: null,
  timeouts: {
    base: 1800,
    image: 3600,
    ssh: 180,
    script: 900,
    shutdown: 120,
    check: 600,
    convert: 1800,
    smoke: 180,
    release: 1800,
    progress: 600,
    whole: 14_400,
  },
};

export const sampleFiles: InputFiles = {
  builder: { Dockerfile: digest("1"), "install-tools.sh": digest("2") },
  programs: {
    base: { "base/install_system.py": digest("b") },
    image: { "common/stage.py": digest("a"), "image/build_image.py": digest("c") },
    check: { "common/stage.py": digest("a"), "check/inspect_image.py": digest("d") },
    convert: { "common/lifeline.py": digest("e") },
    smoke: { "common/lifeline.py": digest("e") },
  },
  base: { "base.py": digest("3"), "template.json": digest("4") },
  template: { "image.json": digest("5") },
  scripts: { "90-generalise.sh": digest("7") },
  steps: [{ kind: "script", script: digest("6"), args: [], variables: {}, secrets: [] }],
  rules: digest("8"),
  signer: null,
  owner: { project: "kragle", stack: "sample" },
  tests: {},
  ownRules: {},
  source: null,
};

/** SHA-256 of the image that the sample's proofs belong to. */
export const sampleSha256 = digest("a");

/** Everything that the keys of an image may depend on. */
export interface KeyInputs {
  readonly spec: ImageSpec;
  readonly files: InputFiles;
  readonly epoch: string | null;
  readonly sha256: string;
}

export const sampleInputs: KeyInputs = {
  spec: sampleSpec,
  files: sampleFiles,
  epoch: null,
  sha256: sampleSha256,
};

/** Every key of an image by the name of its stage. */
export function keysOf({ spec, files, epoch, sha256 }: KeyInputs): Record<string, string> {
  const { builder, base, image } = planImage(spec, files, epoch);
  const { check, conversions, smoke, release } = planProof(spec, files, sha256);
  return {
    builder: builder.key,
    base: base.key,
    image: image.key,
    check: check.key,
    ...Object.fromEntries(conversions.map((c) => [`convert-${c.conversion.name}`, c.key])),
    ...(smoke ? { smoke: smoke.key } : {}),
    release: release.key,
  };
}
