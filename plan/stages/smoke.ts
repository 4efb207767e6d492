import { z } from "zod";

import { contract } from "./contract";
import {
  accelerator,
  acceleratorSetting,
  architecture,
  channel,
  fileDigests,
  firmware,
  key,
  seconds,
  sha256,
  size,
  toolsImage,
} from "./fields";

/** What must be the same at every boot of one machine, and different on any two machines. */
const identity = z.strictObject({
  /** 32 hexadecimal digits. */
  machineId: z.string(),
  /** Type and SHA-256 fingerprint of each public host key, as `ssh-keygen -l` shows them; sorted. */
  hostKeys: z.array(z.string()),
});

/** A test of the user's own that has passed. */
const passedTest = z.strictObject({
  /** As in the settings. */
  script: z.string(),
  args: z.array(z.string()),
  seconds: z.number(),
  /** What it printed, bounded; relative to the artifact. */
  log: z.string(),
});

/** What the rungs found out: all but the tests in a full proof only. */
const findings = {
  /** cloud-init's status. */
  seed: z.string().optional(),
  /** Bytes of the larger disk of the first boot, and of the root file system that grew over it. */
  diskBytes: size.optional(),
  rootBytes: size.optional(),
  identity: identity.optional(),
  /** The user's own, in the order in which they ran; in the last boot, where there are any. */
  tests: z.array(passedTest).optional(),
};

/** What is known of one boot; files are relative to the artifact. */
const boot = z.strictObject({
  firmware,
  /** From switching on to each rung, in the order of the ladder, and to the power-off. */
  seconds: z.record(z.string(), z.number()),
  /** Units that did not start although the system runs, in systemd's words. */
  complaints: z.array(z.string()),
  serialLog: z.string(),
  /** PNG of the screen when the system ran. */
  screenshot: z.string(),
  ...findings,
});

/** Where the stage finds the guest that was defined for it under libvirt. */
const libvirtGuest = z.strictObject({
  uri: z.string(),
  domain: z.string(),
  /** "qemu" is software emulation. */
  type: z.enum(["kvm", "qemu"]),
  pool: z.string(),
  /** Volumes of the pool: a copy of the image, an overlay of it, and what the guest writes on its serial console. */
  image: z.string(),
  overlay: z.string(),
  serial: z.string(),
  /** Virtual size of the overlay in bytes. */
  diskBytes: size,
});

export type PassedTest = z.infer<typeof passedTest>;
export type Identity = z.infer<typeof identity>;
export type Findings = Pick<BootFacts, keyof typeof findings>;
export type BootFacts = z.infer<typeof boot>;
export type LibvirtGuestSpec = z.infer<typeof libvirtGuest>;

/** The proof by boot: guests on throw-away overlays of the image, which stays untouched. */
export const smoke = contract({
  stage: "smoke",
  version: 3,
  inputs: z.strictObject({
    architecture,
    /** kragle's programs that run QEMU. */
    programs: fileDigests,
    driver: z.enum(["qemu", "libvirt"]),
    /** Which daemon boots it, where libvirt does. */
    libvirtUri: z.string().optional(),
    /** How much of the ladder is climbed. */
    proof: z.enum(["quick", "full"]),
    /** How the guest is asked. */
    channel,
    /** What the image boots by; a quick proof takes the first. */
    firmware: z.tuple([firmware], firmware),
    memoryMiB: size,
    cpus: size,
    /** The user's tests, named so that their order is the order in which they run; absent where there are none. */
    tests: fileDigests.optional(),
    /** Arguments of those that have some. */
    testArguments: z.record(z.string(), z.array(z.string())).optional(),
  }),
  upstream: z.strictObject({ imageSha256: sha256 }),
  request: z.strictObject({
    toolsImage,
    imageKey: key,
    /** The image's virtual size in bytes. */
    diskBytes: size,
    accelerator: acceleratorSetting,
    /** For each boot, with KVM; without it ten times as long. */
    timeoutSeconds: seconds,
    /** Longest time without a sign of life, scaled alike. */
    silenceSeconds: seconds,
    /** Where each test lies and how long it may take, scaled as the boots' time; by its name in the inputs. */
    tests: z
      .record(z.string(), z.strictObject({ script: z.string(), timeoutSeconds: seconds }))
      .optional(),
    /** The guest that was defined under libvirt, where that is the driver. */
    libvirt: libvirtGuest.optional(),
  }),
  result: z.strictObject({
    passed: z.literal(true),
    driver: z.enum(["qemu", "libvirt"]),
    proof: z.enum(["quick", "full"]),
    channel,
    accelerator,
    imageSha256: sha256,
    /** By name in the order of the boots: `first`; in a full proof also `second` (the same disk) and `sibling` (another machine). */
    boots: z.record(z.string(), boot),
  }),
});
