// written by npm run generate from settings/schema.ts

import type * as pulumi from "@pulumi/pulumi";

/**
 * The settings of one image. Every one is optional. What is wrong is told in a preview, of all arguments at
 * once, as errors of these properties, before anything starts.
 */
export interface GoldenImageArgs {
  /**
   * The operating system: `centos7`, `cloud`, `debian12`, `debian13`, `rhel7`, or the path of a template folder of
   * your own: docs/templates.md; such as `./builder/templates/debian12`. Defaults to `debian12`.
   */
  template?: pulumi.Input<string>;
  /**
   * The folder that receives `output/`, relative to the project or absolute; `build/<stack>/<name>` where none is
   * given; such as `/srv/images` or `~/images`.
   */
  path?: pulumi.Input<string>;
  /**
   * Name of the image's file in `output/`; the other formats follow it, as `web-1.4.raw`, unless `formats` names
   * their file; such as `web-1.4.qcow2`. Defaults to `packer-kragle-qcow2`.
   */
  imageName?: pulumi.Input<string>;
  /**
   * What the image says it is, `IMAGE_ID` in its `/etc/os-release`; the resource's name where none is given; such
   * as `web`.
   */
  imageId?: pulumi.Input<string>;
  /**
   * The image's version, `IMAGE_VERSION` there, in quotes; the time (UTC) at which the image is built where none
   * is given. A new version alone builds nothing; such as `1.4` or `2026-11-29`.
   */
  version?: pulumi.Input<string>;
  /**
   * Size of the virtual disk: a number with MiB, GiB or TiB, rounded up to whole sectors of 512 bytes; such as
   * `4096MiB` or `4.7 GiB`. Defaults to `4 GiB`.
   */
  diskSize?: pulumi.Input<string>;
  /**
   * Memory of the guest while the image is built and booted; 256 MiB or more; such as `1.5 GiB`. Defaults to `1
   * GiB`.
   */
  memory?: pulumi.Input<string>;
  /** Processors of the guest while the image is built and booted; 1 to 64. Defaults to `2`. */
  cpus?: pulumi.Input<number>;
  /** `cloud` (small, virtual machines only) or `generic` (drivers of real hardware). Defaults to `cloud`. */
  kernel?: pulumi.Input<Kernel>;
  /**
   * The release that a Debian template installs, by its code name; the template's own where none is given:
   * docs/templates.md; such as `sid`.
   */
  suite?: pulumi.Input<string>;
  /**
   * Your steps, run as root in the guest in this order: docs/steps.md; such as `[{packages: [nginx]}, {script:
   * scripts/app.sh, secrets: [TOKEN]}]`.
   */
  provision?: pulumi.Input<pulumi.Input<ProvisionStep>[]>;
  /** Environment variables of every script, playbook and step of inline lines; such as `{SITE: lab}`. */
  variables?: pulumi.Input<Record<string, pulumi.Input<string>>>;
  /**
   * Secrets by name, which only the steps that name them get, as variables; always encrypted in the state. One
   * that is not here may stand in the environment, as KRAGLE_SECRET_NAME.
   */
  secrets?: pulumi.Input<Record<string, pulumi.Input<string>>>;
  /**
   * What the points after the steps of one build may take on the disk, from which later builds go on; `off` for
   * none: docs/steps.md; such as `off`. Defaults to `16 GiB`.
   */
  points?: pulumi.Input<string>;
  /**
   * What downloaded packages may take on the disk, so that later builds need not download them again; `off` to
   * keep none: docs/steps.md; such as `off`. Defaults to `1 GiB`.
   */
  packageCache?: pulumi.Input<string>;
  /**
   * Other disk formats, which are made of the qcow2; options and the file's name stand behind a colon; such as
   * `[raw, qcow2:compression=zstd, raw:file=disk.img]`.
   */
  formats?: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * Where the image is to run: `qemu`, `proxmox`, `openstack`, `kubevirt`, `virtualbox`, `vmware`, `vsphere`,
   * `hyperv-gen1`, `hyperv-gen2`, `azure`, `aws`, `gcp`, `xen`, `metal`. What cannot boot there is refused, what
   * its machines need is told: docs/hypervisors.md; such as `[proxmox, kubevirt]`.
   */
  runsOn?: pulumi.Input<pulumi.Input<string>[]>;
  /**
   * Where each release is copied to, as a version of its own: folders, or libvirt pools; old versions that no
   * stack uses are deleted; such as `[{folder: /srv/images, keep: 3}]` or `[{pool: images, uri: qemu:///system}]`.
   */
  publish?: pulumi.Input<pulumi.Input<PublishPlace>[]>;
  /**
   * Your own rules for the finished image, and rules that it may break, each with a reason: docs/checks.md; such
   * as `{waive: [{rule: ssh.passwords, reason: reached by console only}]}`.
   */
  check?: pulumi.Input<ImageChecks>;
  /**
   * What boots the image as proof: `qemu` (in a container), `libvirt` (needs the Pulumi CLI: docs/libvirt.md), or
   * `none`. Defaults to `qemu`.
   */
  smoke?: pulumi.Input<SmokeDriver>;
  /**
   * `quick` (one boot), or `full` (three boots: BIOS and UEFI, cloud-init, SSH, a grown root, identity; needs
   * `smoke: qemu`): docs/proof.md. Defaults to `quick`.
   */
  proof?: pulumi.Input<Proof>;
  /**
   * Your own checks: scripts that run as root in the booted image before it is released, in a throw-away overlay;
   * one that fails fails the release. With arguments and a time limit (minutes) where it needs them:
   * docs/proof.md; such as `[{script: tests/port.sh, args: ["8080"], timeout: 2}]`.
   */
  tests?: pulumi.Input<pulumi.Input<ImageTest>[]>;
  /**
   * The libvirt daemon that boots the image, with `smoke: libvirt`; such as `qemu+ssh://root@host/system`.
   * Defaults to `qemu:///system`.
   */
  libvirtUri?: pulumi.Input<string>;
  /** `kvm`, `tcg` (software, slow, says so), or `auto`: `kvm` where a guest really runs on it. Defaults to `auto`. */
  accelerator?: pulumi.Input<Accelerator>;
  /**
   * Run the Packer container with every capability of the host and without confinement; nothing in kragle needs
   * it. Defaults to `false`.
   */
  privileged?: pulumi.Input<boolean>;
  /**
   * A port on 127.0.0.1 where the guest's screen can be watched while Packer works, with the password that the run
   * prints; none where it is left out; such as `5900`.
   */
  vnc?: pulumi.Input<number>;
  /**
   * What the guest may connect to on this machine and its other containers, which are shut otherwise: addresses,
   * names or blocks, with or without a port; `any` for everything: SECURITY.md; such as `{allow:
   * [192.168.1.10:8443, git.example:443]}`.
   */
  network?: pulumi.Input<GuestNetwork>;
  /**
   * What the image begins with, other than its template's own installation: docs/images.md, docs/sources.md; such
   * as `{url: https://host/folder/web.raw.xz, sha256:
   * 0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef}`.
   */
  from?: pulumi.Input<ImageSource>;
  /**
   * The installation ISO of `rhel7` and `centos7` (docs/rhel7.md); `PATH/os/` and the template's name for it where
   * none is given; such as `/srv/iso/rhel-server-7.1-x86_64-dvd.iso`.
   */
  isoPath?: pulumi.Input<string>;
  /**
   * Addresses from which the ISO is fetched where the file is not there, tried in this order; such as
   * `[https://host/folder/name.iso]`.
   */
  isoUrls?: pulumi.Input<pulumi.Input<string>[]>;
  /** The ISO's SHA-256, 64 hexadecimal digits; `rhel7` and `centos7` need it. */
  isoSha256?: pulumi.Input<string>;
  /** Red Hat user who registers the guest while Packer works; always encrypted in the state, as the other three. */
  rhsmUsername?: pulumi.Input<string>;
  /** That user's password. */
  rhsmPassword?: pulumi.Input<string>;
  /** Red Hat organisation, with `rhsmActivationKey` instead of user and password. */
  rhsmOrg?: pulumi.Input<string>;
  /** Activation key of that organisation; such a key can do nothing but register. */
  rhsmActivationKey?: pulumi.Input<string>;
  /** A ready builder image by reference; nothing is built then; such as `registry.example/kragle-tools:1`. */
  builderImage?: pulumi.Input<string>;
  /**
   * The Docker image on which the builder is built; made on this machine where no registry answers. Defaults to
   * `debian:bookworm-slim@sha256:abd67ffcfa541b485a3dff59865ab629aa048a6c613e639d36e7456b0b229241`.
   */
  baseImage?: pulumi.Input<string>;
  /**
   * Which Packer the builder gets: `release` (downloaded by the build), `distribution`, or `auto`: the first that
   * can be had. Defaults to `auto`.
   */
  packer?: pulumi.Input<PackerOrigin>;
  /** Day of the package mirror; today's packages where none is given; such as `2026-11-01`. */
  snapshot?: pulumi.Input<string>;
  /** Age at which an installed base counts as changed, 1 day or more; never where none is given; such as `7 days`. */
  refreshAfter?: pulumi.Input<string>;
  /**
   * The key that signs a release: path of an OpenSSH private key, or `gpg:KEYID`; no signature where none is
   * given; such as `~/.ssh/release`.
   */
  signKey?: pulumi.Input<string>;
  /** Minutes by stage; such as `{image: 90, smoke: 5}`. */
  timeouts?: pulumi.Input<StageTimeouts>;
}

/**
 * One step, which runs in the guest as root: of one kind, which is that of `script`, `run`, `packages`, `files`,
 * `ansible` and `reboot` that it has.
 */
export interface ProvisionStep {
  /** A script's path, relative to the project; it runs by its first line, such as `#!/bin/sh`. */
  script?: pulumi.Input<string>;
  /** Arguments of the script. */
  args?: pulumi.Input<pulumi.Input<string>[]>;
  /** Environment variables by name, of a playbook its extra variables; they count more than those of the image. */
  variables?: pulumi.Input<Record<string, pulumi.Input<string>>>;
  /** Names of the image's secrets that it gets, as variables. */
  secrets?: pulumi.Input<pulumi.Input<string>[]>;
  /** What messages call the step, one line; what it does where none is given. */
  name?: pulumi.Input<string>;
  /** Minutes that it may take, ten times as long under software emulation; `timeouts.script` where none is given. */
  timeout?: pulumi.Input<number>;
  /** `true`: it runs in every build, so that every run makes a new image. */
  always?: pulumi.Input<boolean>;
  /** Age at which the step counts as changed, such as `7 days`; never where none is given. */
  refreshAfter?: pulumi.Input<string>;
  /** Lines that `/bin/sh -e` runs, or what their first line names. */
  run?: pulumi.Input<string>;
  /** Packages that the system's own manager installs, all at once; `nginx=1.22.1-9` for a version. */
  packages?: pulumi.Input<pulumi.Input<string>[]>;
  /** Files and folders of the project that are copied into the guest. */
  files?: pulumi.Input<pulumi.Input<StepFile>[]>;
  /** A playbook's path; Ansible runs in the builder's container, the guest needs Python only. */
  ansible?: pulumi.Input<string>;
  /** The folder that comes along with it, where that is not the playbook's own. */
  folder?: pulumi.Input<string>;
  /** `true` restarts the guest and waits for it. */
  reboot?: pulumi.Input<boolean>;
}

/** A file or folder that a step copies into the guest. */
export interface StepFile {
  /** A file or folder, relative to the project; of a folder its content is copied. */
  from: pulumi.Input<string>;
  /** Its absolute path in the guest; with a `/` at the end the folder that gets the file. */
  to: pulumi.Input<string>;
  /** Mode of the files in octal, such as `0640`; `0644`, or `0755` for what is executable, where none is given. */
  mode?: pulumi.Input<string>;
  /** User, or `user:group`, which the guest has by then. */
  owner?: pulumi.Input<string>;
}

/** A place that takes a copy of each release, as a version of its own. */
export interface PublishPlace {
  /** A folder, relative to the project or absolute. */
  folder?: pulumi.Input<string>;
  /** How many versions stay at least; one that a stack uses stays in any case. */
  keep?: pulumi.Input<number>;
  /** Names of released files, such as `kragle.raw`; all of them where none is named. */
  files?: pulumi.Input<pulumi.Input<string>[]>;
  /** Or the name of a libvirt storage pool. */
  pool?: pulumi.Input<string>;
  /** That pool's daemon; `qemu:///system` where none is given. */
  uri?: pulumi.Input<string>;
}

/** How the finished image is judged, besides kragle's own rules. */
export interface ImageChecks {
  /** Files with rules of your own, relative to the project. */
  rules?: pulumi.Input<pulumi.Input<string>[]>;
  /** Rules that the image may break. */
  waive?: pulumi.Input<pulumi.Input<RuleWaiver>[]>;
}

/** A rule that the image may break. */
export interface RuleWaiver {
  /** The rule's id, such as `ssh.passwords`. */
  rule: pulumi.Input<string>;
  /** Why it may be broken; stands in the release's report. */
  reason: pulumi.Input<string>;
}

/** A script that runs as root in the booted image before it is released. */
export interface ImageTest {
  /** A script's path, relative to the project; it passes with exit code 0. */
  script: pulumi.Input<string>;
  /** Arguments of the script. */
  args?: pulumi.Input<pulumi.Input<string>[]>;
  /** Minutes that it may take, ten times as long under software emulation; `timeouts.smoke` where none is given. */
  timeout?: pulumi.Input<number>;
}

/** What a guest may connect to although it would be shut. */
export interface GuestNetwork {
  /** Addresses, names or blocks, with or without a port, such as `10.0.0.5:8443`; `any` for everything. */
  allow?: pulumi.Input<pulumi.Input<string>[]>;
}

/** What an image begins with: another image, what another stack has released, or a disk that somebody else made. */
export interface ImageSource {
  /** What the image is called that this one is made on: one of the same program, or, with `stack`, of that stack. */
  image?: pulumi.Input<string>;
  /** The stack of this project on whose release the image is made. */
  stack?: pulumi.Input<string>;
  /** The path of a disk that somebody else made, relative to the project or absolute. */
  path?: pulumi.Input<string>;
  /** Or the address from which it is fetched. */
  url?: pulumi.Input<string>;
  /**
   * Its format, where the file's name does not tell: qcow2, raw, vmdk, vhd or vhdx, with .xz, .gz, .zst or .bz2
   * behind it where it is compressed.
   */
  format?: pulumi.Input<string>;
  /** Its SHA-256, 64 hexadecimal digits. */
  sha256?: pulumi.Input<string>;
  /** Or its SHA-512, 128 hexadecimal digits. */
  sha512?: pulumi.Input<string>;
  /** Or its publisher's list of digests, by path or address, which a key has signed. */
  checksums?: pulumi.Input<string>;
  /** The list's signature, by path or address, where it is a file of its own. */
  signature?: pulumi.Input<string>;
  /** The keys that may have signed the list. */
  keys?: pulumi.Input<pulumi.Input<SourceKey>[]>;
}

/** A file of keys that may have signed a publisher's list of digests. */
export interface SourceKey {
  /** A file of OpenPGP keys, relative to the project. */
  file: pulumi.Input<string>;
  /** Which of them is trusted, 40 or 64 hexadecimal digits; all where none is named. */
  fingerprint?: pulumi.Input<string>;
}

/** How many minutes each stage may take, ten times as long under software emulation. */
export interface StageTimeouts {
  /** Minutes for the installation of the system; 30 by default. */
  base?: pulumi.Input<number>;
  /** Minutes for the whole build of the image; 60 by default. */
  image?: pulumi.Input<number>;
  /** Minutes for the guest, until it answers on SSH; 3 by default. */
  ssh?: pulumi.Input<number>;
  /** Minutes for each script or step; 15 by default. */
  script?: pulumi.Input<number>;
  /** Minutes for the guest's power-off; 2 by default. */
  shutdown?: pulumi.Input<number>;
  /** Minutes for the checks of the finished image; 10 by default. */
  check?: pulumi.Input<number>;
  /** Minutes for each conversion; 30 by default. */
  convert?: pulumi.Input<number>;
  /** Minutes for each boot of the proof; 3 by default. */
  smoke?: pulumi.Input<number>;
  /** Minutes for the release; 30 by default. */
  release?: pulumi.Input<number>;
  /** Minutes for the longest silence of a guest or an installation; 10 by default. */
  progress?: pulumi.Input<number>;
}

/** Which of Debian's kernels the image has. */
export const Kernel = {
  Cloud: "cloud",
  Generic: "generic",
} as const;
export type Kernel = (typeof Kernel)[keyof typeof Kernel];

/** What boots the image as proof. */
export const SmokeDriver = {
  Qemu: "qemu",
  Libvirt: "libvirt",
  None: "none",
} as const;
export type SmokeDriver = (typeof SmokeDriver)[keyof typeof SmokeDriver];

/** How much of the boot ladder is climbed. */
export const Proof = {
  Quick: "quick",
  Full: "full",
} as const;
export type Proof = (typeof Proof)[keyof typeof Proof];

/** What guests run on. */
export const Accelerator = {
  Auto: "auto",
  Kvm: "kvm",
  Tcg: "tcg",
} as const;
export type Accelerator = (typeof Accelerator)[keyof typeof Accelerator];

/** Where the builder's Packer comes from. */
export const PackerOrigin = {
  Auto: "auto",
  Release: "release",
  Distribution: "distribution",
} as const;
export type PackerOrigin = (typeof PackerOrigin)[keyof typeof PackerOrigin];
