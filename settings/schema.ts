import { z } from "zod";

import { IMAGE_NAME } from "../plan/fileNames";
import { FORMAT_NAMES } from "../plan/formats";
import { PLATFORM_NAMES } from "../plan/platforms";
import { parseDuration, parseSize, SIZE } from "../plan/units";
import { checkSetting } from "./check";
import { fileName } from "./fileNames";
import { from } from "./from";
import { identifier } from "./identifier";
import { imagesByName } from "./images";
import { formats, isoUrls, runsOn } from "./lists";
import { network } from "./network";
import { libvirtUri, publish } from "./publish";
import { provision } from "./steps";
import { findTemplate, templateNames } from "./template";
import { suiteName } from "./templateFile";
import { tests } from "./tests";
import { timeouts } from "./timeouts";
import {
  credential,
  day,
  digest,
  flag,
  oneOf,
  optional,
  orOff,
  parsed,
  path,
  text,
  wholeNumber,
} from "./values";
import { imageVariables, secrets } from "./variables";

/**
 * One setting of the table below.
 *
 * @param type reads its value, and says what is allowed where it cannot
 * @param value the default; "" for none
 * @param description for README.md, with Markdown's code and links relative to it; Pulumi.yaml gets it as plain text
 * @param examples values that are right
 */
const setting = <T extends z.ZodType>(
  type: T,
  value: z.input<T>,
  description: string,
  ...examples: z.input<T>[]
) => type.prefault(value as never).meta({ description, examples });

const size = (example: string) => parsed(example, parseSize).meta({ pattern: SIZE.source });

const MEBIBYTE = 2 ** 20;

const listed = (names: readonly string[]) => names.map((name) => `\`${name}\``).join(", ");

/**
 * Every setting, once. From this table follow the parser and, by `npm run generate`, the configuration in Pulumi.yaml, the
 * README's table and the JSON Schema for editors.
 */
export const schema = z.object({
  images: setting(
    imagesByName,
    "",
    "Several images, by name: the settings of each; those that it has not are the ones outside, and `path` and `imageId` get its name: [docs/images.md](docs/images.md)",
    { web: { diskSize: "6 GiB" }, db: {} },
  ),
  template: setting(
    parsed("debian12", findTemplate),
    "debian12",
    `The operating system: ${listed(templateNames())}, or the path of a template folder of your own: [docs/templates.md](docs/templates.md)`,
    "./builder/templates/debian12",
  ),
  path: setting(
    optional(path("build/dev")),
    "",
    "The folder that receives `output/`; `build/<stack>` where none is given",
    "/srv/images",
    "~/images",
  ),
  imageName: setting(
    fileName("web-1.4.qcow2"),
    IMAGE_NAME,
    "Name of the image's file in `output/`; the other formats follow it, as `web-1.4.raw`, unless `formats` names their file",
    "web-1.4.qcow2",
  ),
  imageId: setting(
    optional(identifier("web")),
    "",
    "What the image says it is, `IMAGE_ID` in its `/etc/os-release`; the stack's name where none is given: [docs/identity.md](docs/identity.md)",
    "web",
  ),
  version: setting(
    optional(identifier("1.4")),
    "",
    "The image's version, `IMAGE_VERSION` there, in quotes; the time (UTC) at which the image is built where none is given. A new version alone builds nothing",
    "1.4",
    "2026-11-29",
  ),
  diskSize: setting(
    size("4 GiB").refine((bytes) => bytes <= 8 * 2 ** 40, {
      // while Packer works, the disk is a qcow2 with clusters of 4 KiB, and QEMU reads an L1 table of 32 MiB at most
      error: "at most 8 TiB can be built",
    }),
    "4 GiB",
    "Size of the virtual disk: a number with MiB, GiB or TiB, rounded up to whole sectors of 512 bytes",
    "4096MiB",
    "4.7 GiB",
  ),
  memory: setting(
    size("1 GiB").refine((bytes) => bytes >= 256 * MEBIBYTE, {
      error: "at least 256 MiB are needed",
    }),
    "1 GiB",
    "Memory of the guest while the image is built and booted; 256 MiB or more",
    "1.5 GiB",
  ),
  cpus: setting(
    wholeNumber(1, 64),
    2,
    "Processors of the guest while the image is built and booted",
  ),
  kernel: setting(
    oneOf(["cloud", "generic"]),
    "cloud",
    "`cloud` (small, virtual machines only) or `generic` (drivers of real hardware)",
  ),
  suite: setting(
    optional(suiteName),
    "",
    "The release that a Debian template installs, by its code name; the template's own where none is given: [docs/templates.md](docs/templates.md#another-release)",
    "sid",
  ),
  provision: setting(
    provision,
    [],
    "Your steps, run as root in the guest in this order; a script is written as its path: [docs/steps.md](docs/steps.md)",
    ["scripts/app.sh"],
    [{ packages: ["nginx"] }, { script: "scripts/app.sh", secrets: ["TOKEN"] }],
  ),
  variables: setting(
    imageVariables,
    {},
    "Environment variables of every script, playbook and step of inline lines",
    { SITE: "lab" },
  ),
  secrets: setting(
    secrets,
    {},
    "Secrets by name, which only the steps that name them get, as variables; set each with `pulumi config set --secret --path secrets.NAME`, or give it as KRAGLE_SECRET_NAME in the environment",
  ),
  points: setting(
    orOff(size("16 GiB"), 0, "a size such as 16 GiB"),
    // more than steps on a disk of the default size write; of a build that writes more, the first steps' points stay
    "16 GiB",
    "What the points after the steps of one build may take on the disk, from which later builds go on; `off` for none: [docs/steps.md](docs/steps.md#points)",
    "off",
  ),
  packageCache: setting(
    orOff(size("1 GiB"), 0, "a size such as 1 GiB"),
    "1 GiB",
    "What downloaded packages may take on the disk, so that later builds need not download them again; `off` to keep none: [docs/steps.md](docs/steps.md#downloaded-once)",
    "off",
  ),
  formats: setting(
    formats,
    [],
    `Other disk formats: ${listed(FORMAT_NAMES)} (the same as \`vpc\`); options stand behind a colon`,
    ["raw"],
    ["qcow2:compression=zstd"],
    [{ format: "raw", file: "disk.img" }],
  ),
  runsOn: setting(
    runsOn,
    [],
    `Where the image is to run: ${listed(PLATFORM_NAMES)}. What cannot boot there is refused, what its machines need is told: [docs/hypervisors.md](docs/hypervisors.md)`,
    ["proxmox", "kubevirt"],
  ),
  publish: setting(
    publish,
    [],
    "Where each release is copied to, as a version of its own: folders, or libvirt pools; old versions that no stack uses are deleted",
    [{ folder: "/srv/images", keep: 3 }],
    [{ pool: "images", uri: "qemu:///system" }],
  ),
  check: setting(
    checkSetting,
    {},
    "Your own rules for the finished image, and rules that it may break, each with a reason: [docs/checks.md](docs/checks.md)",
    { waive: [{ rule: "ssh.passwords", reason: "reached by console only" }] },
  ),
  smoke: setting(
    oneOf(["qemu", "libvirt", "none"]),
    "qemu",
    "What boots the image as proof: `qemu` (in a container), `libvirt` (needs the Pulumi CLI: [docs/libvirt.md](docs/libvirt.md)), or `none`",
  ),
  proof: setting(
    oneOf(["quick", "full"]),
    "quick",
    "`quick` (one boot), or `full` (three boots: BIOS and UEFI, cloud-init, SSH, a grown root, identity; needs `smoke: qemu`): [docs/proof.md](docs/proof.md)",
  ),
  tests: setting(
    tests,
    [],
    "Your own checks: scripts that run as root in the booted image before it is released, in a throw-away overlay; one that fails fails the release. With arguments and a time limit (minutes) where it needs them: [docs/proof.md](docs/proof.md#your-own-tests)",
    ["tests/web.sh"],
    [{ script: "tests/port.sh", args: ["8080"], timeout: 2 }],
  ),
  libvirtUri: setting(
    libvirtUri,
    "qemu:///system",
    "The libvirt daemon that boots the image, with `smoke: libvirt`",
    "qemu+ssh://root@host/system",
  ),
  accelerator: setting(
    oneOf(["auto", "kvm", "tcg"]),
    "auto",
    "`kvm`, `tcg` (software, slow, says so), or `auto`: `kvm` where a guest really runs on it",
  ),
  privileged: setting(
    flag,
    false,
    "Run the Packer container with every capability of the host and without confinement; nothing in kragle needs it",
  ),
  vnc: setting(
    orOff(wholeNumber(1024, 65_535), null, "a whole number from 1024 to 65535"),
    "off",
    "`off`, or a port on 127.0.0.1 where the guest's screen can be watched while Packer works, with the password that the run prints; without one if the template types into it",
    5900,
  ),
  network: setting(
    network,
    {},
    "What the guest may connect to on this machine and its other containers, which are shut otherwise: addresses, names or blocks, with or without a port; `any` for everything: [SECURITY.md](SECURITY.md#what-a-guest-can-reach)",
    { allow: ["192.168.1.10:8443", "git.example:443"] },
  ),
  from: setting(
    from,
    {},
    "What the image begins with, other than its template's own installation: another image of the stack ([docs/images.md](docs/images.md#one-image-on-another)), or one that another stack has released ([there too](docs/images.md#on-the-release-of-another-stack)); or, for the template `cloud`, a disk that somebody else made, by its path or address, and its SHA-256, its SHA-512 or its publisher's signed list: [docs/sources.md](docs/sources.md)",
    { url: "https://host/folder/web.raw.xz", sha256: "0123456789abcdef".repeat(4) },
  ),
  isoPath: setting(
    optional(path("build/rhel7/os/name.iso")),
    "",
    "The installation ISO of `rhel7` and `centos7` ([docs/rhel7.md](docs/rhel7.md)); `PATH/os/` and the template's name for it where none is given",
    "/srv/iso/rhel-server-7.1-x86_64-dvd.iso",
  ),
  isoUrls: setting(
    isoUrls,
    [],
    "Addresses from which the ISO is fetched where the file is not there, tried in this order",
    ["https://host/folder/name.iso"],
  ),
  isoSha256: setting(
    optional(digest("sha256")),
    "",
    "The ISO's SHA-256, 64 hexadecimal digits; `rhel7` and `centos7` need it",
  ),
  rhsmUsername: setting(
    credential,
    "",
    "Red Hat user who registers the guest while Packer works; set the four rhsm settings with `--secret`",
  ),
  rhsmPassword: setting(
    credential,
    "",
    "That user's password; set it with `pulumi config set --secret rhsmPassword`",
  ),
  rhsmOrg: setting(
    credential,
    "",
    "Red Hat organisation, with `rhsmActivationKey` instead of user and password",
  ),
  rhsmActivationKey: setting(
    credential,
    "",
    "Activation key of that organisation; such a key can do nothing but register",
  ),
  builderImage: setting(
    optional(text("registry/kragle-tools:1")),
    "",
    "A ready builder image by reference; nothing is built then",
    "registry.example/kragle-tools:1",
  ),
  baseImage: setting(
    text("debian:bookworm-slim").min(1, "must name a Docker image"),
    "debian:bookworm-slim@sha256:abd67ffcfa541b485a3dff59865ab629aa048a6c613e639d36e7456b0b229241",
    "The Docker image on which the builder is built; made on this machine where no registry answers",
  ),
  packer: setting(
    oneOf(["auto", "release", "distribution"]),
    "auto",
    "Which Packer the builder gets: `release` (downloaded by the build), `distribution`, or `auto`: the first that can be had",
  ),
  snapshot: setting(
    optional(day),
    "",
    "Day of the package mirror; today's packages where none is given",
    "2026-11-01",
  ),
  refreshAfter: setting(
    optional(
      parsed("7 days", parseDuration).refine((seconds) => seconds >= 86_400, {
        error: "at least 1 day is needed",
      }),
    ),
    "",
    "Age at which an installed base counts as changed, 1 day or more; never where none is given",
    "7 days",
  ),
  signKey: setting(
    optional(
      path("~/.ssh/release").refine((value) => value !== "gpg:", "write the key's id behind gpg:"),
    ),
    "",
    "The key that signs a release: path of an OpenSSH private key, or `gpg:KEYID`; no signature where none is given",
    "~/.ssh/release",
  ),
  timeouts: setting(
    timeouts,
    {},
    "Minutes by step: `base`, `image`, `ssh`, `script`, `shutdown`, `check`, `convert`, `smoke`, `release`; `progress`, the longest silence of a guest or an installation (10); `whole`, an entire `up` (240). Ten times as long under software emulation",
    { image: 90, smoke: 5 },
  ),
});

/** Names of all settings, in the order of the table. */
export const SETTING_NAMES = Object.keys(schema.shape) as SettingName[];

export type SettingName = keyof typeof schema.shape;
