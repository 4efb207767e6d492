import type { Architecture } from "./architecture";
import type { Conversion } from "./formats";
import type { Platform } from "./platforms";
import type { PublicationSpec } from "./publication";
import type { PublishedDigest } from "./publishedDigest";
import type { SourceFormat } from "./sourceFormats";
import type { ProvisionStep } from "./steps";

export type Kernel = "cloud" | "generic";
export type AcceleratorSetting = "auto" | "kvm" | "tcg";
/** How a booted guest is asked: by the QEMU guest agent, or by SSH with a key that a NoCloud seed brings. */
export type ChannelName = "agent" | "ssh";
export type Firmware = "bios" | "uefi";
export type Proof = "quick" | "full";

/** How long each step may take, in seconds, with hardware acceleration; under software emulation it may take ten times as long. */
export interface Timeouts {
  readonly base: number;
  readonly image: number;
  /** Until the guest of the image stage answers on SSH. */
  readonly ssh: number;
  /** One provisioning script. */
  readonly script: number;
  readonly shutdown: number;
  readonly check: number;
  readonly convert: number;
  readonly smoke: number;
  readonly release: number;
  /** Longest silence of base, image and smoke: nothing printed, and neither disk nor console moved. */
  readonly progress: number;
  /** A whole `./kragle up`. */
  readonly whole: number;
}

/** Bootstrapped from packages, by the installer of an ISO, or there already: on the disk that the setting `from` names. */
export type Installation = "bootstrap" | "iso" | "disk";

/** A template: a folder that says how the operating system comes onto the disk and how Packer makes the image of it. */
export interface Template {
  readonly name: string;
  /** Relative to the project where it lies inside, else absolute. */
  readonly folder: string;
  readonly minimumDiskBytes: number;
  /** How its system comes onto the disk. */
  readonly install: Installation;
  /** The release that is bootstrapped, by its code name; null where none is. */
  readonly suite: string | null;
  /** What the setting `kernel` may be; empty where the kernel is on what the system comes from. */
  readonly kernels: readonly Kernel[];
  /** The ISO whose installer puts the system onto the disk; null where none does. */
  readonly medium: Medium | null;
  /** How its images are proven by a boot. */
  readonly smoke: {
    readonly channel: ChannelName;
    /** What its images boot by; a quick proof takes the first, a full one tries all. */
    readonly firmware: readonly [Firmware, ...Firmware[]];
  };
}

export interface Medium {
  /** Name of the file, as its publisher calls it. */
  readonly iso: string;
  /** Where its checksum is to be found, for people. */
  readonly isoChecksum: string;
  /** What a finished image takes on disk; a guess for the time before there is one. */
  readonly expectedImageBytes: number;
}

/** The ISO of one image. */
export interface Iso {
  /** Where the file lies; relative to the project, or absolute. */
  readonly path: string;
  /** Where else it can be had; tried in this order. Such an address may contain a token. */
  readonly urls: readonly string[];
  readonly sha256: string;
}

/** A disk that is there already, with which an image begins. */
export interface SourceDisk {
  readonly kind: "disk";
  /** Where the file lies, relative to the project or absolute; null where it is fetched. */
  readonly path: string | null;
  /** Where it can be had; tried in this order. Such an address may contain a token. */
  readonly urls: readonly string[];
  readonly format: SourceFormat;
  /** Or how it is known. */
  readonly digest: PublishedDigest | SignedList;
}

/** What another stack of the same clone, backend and project has released. */
export interface StackRelease {
  readonly kind: "release";
  readonly stack: string;
  /** What that stack calls the image; null for its only one. */
  readonly image: string | null;
}

/** A release for people, behind "the release of". */
export const releaseName = ({ stack, image }: Omit<StackRelease, "kind">): string =>
  image === null ? `stack ${stack}` : `image ${image} of stack ${stack}`;

/** A publisher's list of digests, which a key has signed. Paths and addresses; these may contain a token. */
export interface SignedList {
  readonly checksums: string;
  /** Null for a list that has its signature around it. */
  readonly signature: string | null;
  /** Files of OpenPGP keys, and which one of them is trusted; null for all. */
  readonly keys: readonly { readonly file: string; readonly fingerprint: string | null }[];
}

/** Secret settings by their names: never part of a key, a plan or a message. */
export type Credentials = Readonly<Partial<Record<CredentialName, string>>>;

export const CREDENTIAL_NAMES = [
  "rhsmUsername",
  "rhsmPassword",
  "rhsmOrg",
  "rhsmActivationKey",
] as const;

export type CredentialName = (typeof CREDENTIAL_NAMES)[number];

/** What a user changes in how the finished image is judged. */
export interface CheckSetting {
  /** Files with rules of the user's own; relative to the project, or absolute. */
  readonly rules: readonly string[];
  /** Rules that the image may break, each with a reason that stands in the report. */
  readonly waive: readonly { readonly rule: string; readonly reason: string }[];
}

/** A check of the user's own: a script that runs in the booted image, in a throw-away overlay, as part of the proof. */
export interface UserTest {
  /** Relative to the project, or absolute. */
  readonly script: string;
  readonly args: readonly string[];
  /** With hardware acceleration; undefined: as long as a boot may take. */
  readonly timeoutSeconds: number | undefined;
}

/** One image, as the settings describe it: valid, typed, with every default filled in. */
export interface ImageSpec {
  /** What the stack calls it; null where it is the only one, by flat settings. */
  readonly name: string | null;
  readonly architecture: Architecture;
  readonly template: Template;
  /** The folder that receives `output/`; relative to the project, or absolute. */
  readonly path: string;
  /** The image's file in it. */
  readonly imageName: string;
  /** What the image says it is; null for the stack's name. */
  readonly imageId: string | null;
  /** The image's version; null for the time at which it is built. */
  readonly version: string | null;
  readonly diskBytes: number;
  readonly memoryMiB: number;
  readonly cpus: number;
  /** Null where it came with what another stack has released. */
  readonly kernel: Kernel | null;
  /** The release to bootstrap, by its code name; null for the template's own. */
  readonly suite: string | null;
  /** The user's steps, in the order in which they run. */
  readonly provision: readonly ProvisionStep[];
  /** What every script, playbook and step of inline lines finds in its environment. */
  readonly variables: Readonly<Record<string, string>>;
  /** Values of the secrets that steps name: never part of a key, a plan or a message. */
  readonly secrets: Readonly<Record<string, string>>;
  /** Bytes that the points after them may take together; 0 for none. */
  readonly points: number;
  /** Bytes that the cache of packages may take, which the builds of this machine share; 0 for none. */
  readonly packageCache: number;
  readonly formats: readonly Conversion[];
  /** Where it is meant to run: what cannot boot there is refused. In no key. */
  readonly runsOn: readonly Platform[];
  /** Where each release is copied to. */
  readonly publish: readonly PublicationSpec[];
  readonly check: CheckSetting;
  /** What boots the image as proof. */
  readonly smoke: "qemu" | "libvirt" | "none";
  /** How much of the boot ladder is climbed: one boot, or three with everything that can be asked. */
  readonly proof: Proof;
  /** What the user proves besides, in the order in which it runs. */
  readonly tests: readonly UserTest[];
  /** Which libvirt daemon boots it, where libvirt does. */
  readonly libvirtUri: string;
  readonly accelerator: AcceleratorSetting;
  readonly privileged: boolean;
  /** The port on 127.0.0.1 where the guest's screen can be watched during the image stage. */
  readonly vnc: number | null;
  /** What guests and installers may connect to besides the outside, see parseEndpoint; "any" for everything. */
  readonly network: { readonly allow: readonly string[] };
  /** Null where the template needs none. */
  readonly iso: Iso | null;
  /** The image of the stack that it is made on; null where it is made on none. */
  readonly on: string | null;
  /** The release of another stack that it is made on; null where it is made on none. */
  readonly onRelease: StackRelease | null;
  /** What it begins with, other than the template's own installation; null for that. */
  readonly from: SourceDisk | null;
  /** Of Red Hat's subscription service, for the guest of the image stage. */
  readonly credentials: Credentials;
  /** A ready builder image by reference; nothing is built then. */
  readonly builderImage: string | null;
  /** The Docker image on which the builder image is built. */
  readonly baseImage: string;
  readonly packer: "auto" | "release" | "distribution";
  /** Day of the package mirror, `YYYY-MM-DD`; null for today's. */
  readonly snapshot: string | null;
  /** Seconds after which an installed base counts as changed; null for never. */
  readonly refreshAfter: number | null;
  /** The key that signs a release: path of an OpenSSH private key, or "gpg:KEYID"; null for none. */
  readonly signKey: string | null;
  readonly timeouts: Timeouts;
}

/** What a stack is to make. */
export interface StackSpec {
  /** At least one, each after the one that it is made on; several have names, which differ. */
  readonly images: readonly ImageSpec[];
}
