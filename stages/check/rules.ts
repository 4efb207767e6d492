import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import type { FileType } from "./facts";

/** What must hold. Paths are globs (see glob.ts), expressions are JavaScript's with the flags `im`. */
export type Assertion =
  /** Nothing matches; `only` one type of file counts, `nonEmpty` lets empty files pass. */
  | { readonly absent: readonly string[]; readonly only?: FileType; readonly nonEmpty?: true }
  /** At least one path matches. */
  | { readonly anyOf: readonly string[] }
  /** Every matching file's text has it (`has`), or none does (`lacks`); `required` where a file must be there. */
  | {
      readonly content: readonly string[];
      readonly has?: string;
      readonly lacks?: string;
      readonly required?: true;
    }
  /** The OpenSSH server's effective value. */
  | { readonly sshd: string; readonly allowed: readonly string[]; readonly byDefault: string }
  /** A check that needs a program, see probes.ts. */
  | { readonly probe: ProbeName };

export type ProbeName =
  | "qcow2Consistent"
  | "qcow2Standalone"
  | "partitionTable"
  | "rootLast"
  | "fileSystemsClean"
  | "fstab"
  | "kernels"
  | "biosBoot"
  | "uefiBoot"
  | "packages"
  | "secrets";

export interface Rule {
  /** Stable; users waive a rule by it. */
  readonly id: string;
  readonly area: string;
  /** What is asserted, as a statement. */
  readonly asserts: string;
  readonly assertion: Assertion;
  readonly reason: string;
  /** Where the rule comes from. */
  readonly source: string;
  /** The rule applies only where something matches this glob. */
  readonly when?: string;
}

const SYSTEMD = "systemd, Safely Building Images";
const SYSPREP = "virt-sysprep(1)";
const AWS = "AWS Marketplace, AMI-based product policies";
const GOSS = "kubernetes-sigs/image-builder, goss-image-hygiene";
const KRAGLE = "kragle";

/** The catalogue: what a finished image must be, whatever template it came from. A path that a system does not have is no fault. */
export const RULES: readonly Rule[] = [
  {
    id: "disk.consistent",
    area: "disk",
    asserts: "the qcow2 is whole and without leaked clusters",
    assertion: { probe: "qcow2Consistent" },
    reason: "qemu-img convert fills what a damaged file lacks with zeroes, and succeeds",
    source: "qemu-img(1), check",
  },
  {
    id: "disk.standalone",
    area: "disk",
    asserts: "the qcow2 has no backing file, snapshot, bitmap or encryption",
    assertion: { probe: "qcow2Standalone" },
    reason: "it would need, or hide, other data",
    source: "qemu-img(1), info",
  },
  {
    id: "disk.partition-table",
    area: "disk",
    asserts: "the partition table is valid, and both copies of a GPT are",
    assertion: { probe: "partitionTable" },
    reason: "growing the root at first boot starts from it",
    source: SYSTEMD,
  },
  {
    id: "disk.root-last",
    area: "disk",
    asserts: "the root's partition is the last one",
    assertion: { probe: "rootLast" },
    reason: "only the last partition can grow onto a larger disk",
    source: SYSTEMD,
  },
  {
    id: "disk.file-systems",
    area: "disk",
    asserts: "every file system could be read and is clean",
    assertion: { probe: "fileSystemsClean" },
    reason: "a boot must not begin with a repair",
    source: "e2fsck(8), fsck.vfat(8)",
  },
  {
    id: "identity.machine-id",
    area: "identity",
    asserts: '/etc/machine-id is absent, empty or "uninitialized"',
    assertion: {
      content: ["/etc/machine-id"],
      has: "(?<![\\s\\S])(uninitialized)?\\n?(?![\\s\\S])",
    },
    reason: "copies of the image would be one machine to DHCP servers, journals and fleets",
    source: SYSTEMD,
  },
  {
    id: "identity.dbus-machine-id",
    area: "identity",
    asserts: "D-Bus has no machine id of its own",
    assertion: { absent: ["/var/lib/dbus/machine-id"], only: "file" },
    reason: "it survives a new /etc/machine-id",
    source: SYSTEMD,
  },
  {
    id: "identity.random-seed",
    area: "identity",
    asserts: "there is no stored random seed and no credential secret",
    assertion: {
      absent: [
        "/var/lib/systemd/random-seed",
        "/var/lib/systemd/credential.secret",
        "/var/lib/urandom/random-seed",
        "/{boot,efi,boot/efi}/loader/random-seed",
      ],
    },
    reason: "copies of the image would make the same keys",
    source: SYSTEMD,
  },
  {
    id: "identity.boot-entries",
    area: "identity",
    asserts: "no boot entry is named by a machine id",
    assertion: {
      absent: [`/{boot,efi,boot/efi}/loader/entries/${"[0-9a-f]".repeat(32)}-*.conf`],
    },
    reason: "kernel updates on a machine with another id would not find it",
    source: SYSTEMD,
  },
  {
    id: "ssh.host-keys",
    area: "ssh",
    asserts: "there are no SSH host keys",
    assertion: { absent: ["/etc/ssh/ssh_host_*_key*"] },
    reason: "who has the image could pose as every machine that was made of it",
    source: AWS,
  },
  {
    id: "ssh.host-keys-made",
    area: "ssh",
    asserts: "something makes host keys at first boot",
    assertion: {
      anyOf: [
        "/etc/systemd/system/{cloud-init.target,multi-user.target}.wants/cloud-init.service",
        "/etc/systemd/system/{ssh,sshd}.service.{wants,requires}/*key*.service",
        "/usr/lib/systemd/system/sshd-keygen*",
        "/usr/sbin/sshd-keygen",
      ],
    },
    when: "/usr/sbin/sshd",
    reason: "the SSH server does not start without them",
    source: GOSS,
  },
  {
    id: "ssh.authorized-keys",
    area: "ssh",
    asserts: "no account lets a key in",
    assertion: { absent: ["/{root,home/*,var/lib/*}/.ssh/authorized_keys*"], nonEmpty: true },
    reason: "whoever built the image could log in everywhere",
    source: AWS,
  },
  {
    id: "ssh.client-files",
    area: "ssh",
    asserts: "no account has private keys or known hosts",
    assertion: { absent: ["/{root,home/*}/.ssh/{id_*,known_hosts*}"] },
    reason: "they belong to the build",
    source: SYSPREP,
  },
  {
    id: "ssh.root-login",
    area: "ssh",
    asserts: "root cannot log in by password",
    assertion: {
      sshd: "PermitRootLogin",
      allowed: ["no", "prohibit-password", "without-password", "forced-commands-only"],
      byDefault: "prohibit-password",
    },
    when: "/usr/sbin/sshd",
    reason: "the account that everybody knows is the first to be tried",
    source: AWS,
  },
  {
    id: "ssh.passwords",
    area: "ssh",
    asserts: "logging in by password is off until a machine's owner wants it",
    assertion: { sshd: "PasswordAuthentication", allowed: ["no"], byDefault: "yes" },
    when: "/usr/sbin/sshd",
    reason: "passwords can be guessed from outside",
    source: AWS,
  },
  {
    id: "accounts.root-locked",
    area: "accounts",
    asserts: "root has no password and is locked",
    assertion: { content: ["/etc/shadow"], has: "^root:[!*]", required: true },
    reason: "a known root password is in every copy",
    source: AWS,
  },
  {
    id: "accounts.no-passwords",
    area: "accounts",
    asserts: "no account has a password, not even an empty one",
    assertion: { content: ["/etc/shadow"], lacks: "^[^:\\n]+:(?![!*])", required: true },
    reason: "null, blank and default passwords open every copy",
    source: AWS,
  },
  {
    id: "accounts.build-user",
    area: "accounts",
    asserts: "the build's user is gone",
    assertion: {
      content: [
        "/etc/{passwd,shadow,group,gshadow,subuid,subgid}",
        "/etc/sudoers",
        "/etc/sudoers.d/*",
      ],
      lacks: "^(packer|kragle)\\b",
    },
    reason: "it could become root",
    source: GOSS,
  },
  {
    id: "accounts.build-home",
    area: "accounts",
    asserts: "the build's user has left no home",
    assertion: { absent: ["/home/{packer,kragle}", "/var/{mail,spool/mail}/{packer,kragle}"] },
    reason: "it may hold keys and history",
    source: GOSS,
  },
  {
    id: "accounts.sudo",
    area: "accounts",
    asserts: "nobody becomes root without a password before cloud-init decides who may",
    assertion: { content: ["/etc/sudoers", "/etc/sudoers.d/*"], lacks: "^[^#\\n]*NOPASSWD" },
    reason: "builds give themselves such a rule",
    source: GOSS,
  },
  {
    id: "accounts.backups",
    area: "accounts",
    asserts: "there are no backups of the account files",
    assertion: { absent: ["/etc/{passwd,shadow,group,gshadow,subuid,subgid}-"] },
    reason: "they keep accounts and password hashes that were removed",
    source: `${SYSPREP}, passwd-backups`,
  },
  {
    id: "installer.leftovers",
    area: "installer",
    asserts: "the installer's answers and logs are gone",
    assertion: {
      absent: [
        "/root/{anaconda-ks,original-ks}.cfg",
        "/root/install.log*",
        "/var/log/anaconda",
        "/var/log/anaconda/**",
        "/var/log/installer",
        "/var/log/installer/**",
        "/var/lib/install",
      ],
    },
    reason: "the answers contain the passwords of the installation",
    source: `${SYSPREP}, logfiles`,
  },
  {
    id: "subscription.identity",
    area: "subscription",
    asserts: "the system is not registered",
    assertion: {
      absent: [
        "/etc/pki/{consumer,entitlement}/*",
        "/etc/rhsm/facts/*",
        "/etc/sysconfig/rhn/systemid",
        "/var/lib/rhsm/{facts,packages}/**",
      ],
      only: "file",
    },
    reason: "every copy would use the builder's subscription, and its credentials",
    source: `${SYSPREP}, rh-subscription-manager`,
  },
  {
    id: "network.hardware",
    area: "network",
    asserts: "no network setting is bound to the build machine's card",
    assertion: {
      content: [
        "/etc/sysconfig/network-scripts/ifcfg-*",
        "/etc/NetworkManager/system-connections/*",
        "/etc/netplan/*",
        "/etc/systemd/network/*",
        "/etc/network/interfaces",
        "/etc/network/interfaces.d/*",
      ],
      lacks: "^\\s*(hwaddr|hwaddress|mac-?address|uuid)\\s*[=: ]",
    },
    reason: "a copy has another card",
    source: `${SYSPREP}, net-hwaddr`,
  },
  {
    id: "network.persistent-names",
    area: "network",
    asserts: "no persistent names of network cards are stored",
    assertion: {
      absent: ["/etc/udev/rules.d/{70-persistent-net,75-persistent-net-generator}.rules"],
    },
    reason: "a copy's card would get another name",
    source: `${SYSPREP}, udev-persistent-net`,
  },
  {
    id: "network.generated",
    area: "network",
    asserts: "no network settings that cloud-init made for the build are left",
    assertion: {
      absent: [
        "/etc/netplan/50-cloud-init.yaml",
        "/etc/network/interfaces.d/50-cloud-init*",
        "/etc/systemd/network/10-cloud-init-*",
        "/etc/NetworkManager/system-connections/cloud-init-*",
      ],
    },
    reason: "they describe the build machine's network",
    source: GOSS,
  },
  {
    id: "network.leases",
    area: "network",
    asserts: "there are no DHCP leases",
    assertion: {
      absent: [
        "/var/lib/{dhcp,dhcpcd,dhclient}/*lease*",
        "/var/lib/NetworkManager/*lease*",
        "/var/lib/NetworkManager/{secret_key,seen-bssids,timestamps}",
        "/var/lib/systemd/network/**",
      ],
      only: "file",
    },
    reason: "copies would ask for one and the same address",
    source: `${SYSPREP}, dhcp-client-state`,
  },
  {
    id: "network.build-host",
    area: "network",
    asserts: "no resolver or proxy of the build is left",
    assertion: {
      content: [
        "/etc/resolv.conf",
        "/etc/environment",
        "/etc/apt/apt.conf",
        "/etc/apt/apt.conf.d/*",
        "/etc/{yum,dnf/dnf}.conf",
        "/etc/profile.d/*proxy*",
      ],
      // 10.0.2.3 is the resolver of QEMU's user-mode network
      lacks: '^\\s*nameserver\\s+10\\.0\\.2\\.3|^[^#/\\n]*(_proxy|::proxy|^proxy)\\b\\s*[=" ]',
    },
    reason: "they exist only where the image was built",
    source: KRAGLE,
  },
  {
    id: "network.hostname",
    area: "network",
    asserts: "the host name says nothing of the build",
    assertion: { content: ["/etc/hostname"], lacks: "packer|kragle|builder" },
    reason: "copies would carry it on",
    source: `${SYSPREP}, hostname`,
  },
  {
    id: "cloud-init.state",
    area: "cloud-init",
    asserts: "cloud-init has never run",
    assertion: {
      absent: [
        "/var/lib/cloud/{instance,instances,data,sem,handlers,scripts,seed}/**",
        "/var/lib/cloud/instance",
        "/var/log/cloud-init*.log",
      ],
      only: "file",
    },
    reason: "it would take the copy for the machine of the build, and skip keys and users",
    source: GOSS,
  },
  {
    id: "cloud-init.enabled",
    area: "cloud-init",
    asserts: "cloud-init is not switched off",
    assertion: { absent: ["/etc/cloud/cloud-init.disabled"] },
    when: "/usr/bin/cloud-init",
    reason: "nobody could give the machine a user",
    source: GOSS,
  },
  {
    id: "logs.journal",
    area: "logs",
    asserts: "there is no journal",
    assertion: { absent: ["/var/log/journal/**"], only: "file" },
    reason: "it tells of the build, and under the build's machine id",
    source: SYSTEMD,
  },
  {
    id: "logs.logins",
    area: "logs",
    asserts: "no logins are recorded",
    assertion: { absent: ["/var/log/{wtmp,btmp,lastlog,tallylog,faillog}*"], nonEmpty: true },
    reason: "they name the build's user and address",
    source: `${SYSPREP}, pam-data`,
  },
  {
    id: "logs.files",
    area: "logs",
    asserts: "log files are empty or gone",
    assertion: { absent: ["/var/log/**"], only: "file", nonEmpty: true },
    reason: "logs of the build are no logs of the machine, and may hold what was typed in it",
    source: `${SYSPREP}, logfiles`,
  },
  {
    id: "logs.history",
    area: "logs",
    asserts: "no account has a command history",
    assertion: {
      absent: ["/{root,home/*}/{.*_history,.viminfo,.lesshst,.wget-hsts,.python_history}"],
    },
    reason: "it shows what was typed, passwords included",
    source: AWS,
  },
  {
    id: "caches.packages",
    area: "caches",
    asserts: "the package manager's caches and lists are gone",
    assertion: {
      absent: [
        "/var/cache/apt/*.bin",
        "/var/cache/apt/archives/**.deb",
        "/var/lib/apt/lists/**",
        "/var/cache/{yum,dnf}/**",
      ],
      only: "file",
      nonEmpty: true,
    },
    reason: "they are out of date when the image is used, and take room",
    source: GOSS,
  },
  {
    id: "caches.temporary",
    area: "caches",
    asserts: "the folders for temporary files are empty",
    assertion: { absent: ["/tmp/**", "/var/tmp/**"] },
    reason: "what lies there belongs to the build",
    source: `${SYSPREP}, tmp-files`,
  },
  {
    id: "caches.dumps",
    area: "caches",
    asserts: "there are no crash dumps and no swap files",
    assertion: {
      absent: [
        "/core{,.*}",
        "/var/crash/**",
        "/var/lib/systemd/coredump/**",
        "/var/spool/abrt/**",
        "/{swapfile,swap.img}",
      ],
      only: "file",
    },
    reason: "they contain memory, and with it secrets",
    source: `${SYSPREP}, crash-data`,
  },
  {
    id: "storage.fstab",
    area: "storage",
    asserts: "fstab names what is on the disk, by UUID or label",
    assertion: { probe: "fstab" },
    reason: "device names change; a name that does not exist stops the boot",
    source: SYSTEMD,
  },
  {
    id: "storage.growth",
    area: "storage",
    asserts: "the root grows onto a larger disk",
    assertion: { anyOf: ["/usr/bin/growpart", "/{etc,usr/lib}/repart.d/*.conf"] },
    reason: "clouds give a machine a larger disk than the image has",
    source: SYSTEMD,
  },
  {
    id: "boot.kernels",
    area: "boot",
    asserts: "there is a kernel, and each has its initial RAM disk and its modules",
    assertion: { probe: "kernels" },
    reason: "an interrupted update leaves a boot entry that cannot boot",
    source: KRAGLE,
  },
  {
    id: "boot.bios",
    area: "boot",
    asserts: "the disk boots by BIOS",
    assertion: { probe: "biosBoot" },
    reason: "most hypervisors start machines by BIOS",
    source: KRAGLE,
  },
  {
    id: "boot.uefi",
    area: "boot",
    asserts: "an EFI system partition holds a boot loader at the path for removable media",
    assertion: { probe: "uefiBoot" },
    reason: "a new machine's firmware knows no other path",
    source: "UEFI specification 2.10, 3.5.1.1",
  },
  {
    id: "boot.serial-console",
    area: "boot",
    asserts: "the kernel writes to the serial console",
    assertion: {
      content: [
        "/boot/{grub,grub2}/grub.cfg",
        "/{boot,efi,boot/efi}/loader/entries/*.conf",
        "/etc/default/grub{,.d/*}",
      ],
      has: "console=ttyS0",
      required: true,
    },
    reason: "a machine without a screen shows its troubles there",
    source: SYSTEMD,
  },
  {
    id: "services.guest-agent",
    area: "services",
    asserts: "the QEMU guest agent is installed",
    assertion: { anyOf: ["/usr/{sbin,bin}/qemu-ga"] },
    reason: "hypervisors ask it for addresses and for quiet file systems",
    source: KRAGLE,
  },
  {
    id: "services.time",
    area: "services",
    asserts: "a time service is enabled",
    assertion: {
      anyOf: [
        "/etc/systemd/system/*.wants/{systemd-timesyncd,chrony,chronyd,ntp,ntpd,ntpsec}.service",
      ],
    },
    reason: "certificates and logs need the right time",
    source: GOSS,
  },
  {
    id: "services.timezone",
    area: "services",
    asserts: "the time zone is UTC",
    assertion: { content: ["/etc/localtime"], has: "(UTC|UCT|Universal|Zulu|GMT)0?$" },
    reason: "a machine's place is not known yet",
    source: GOSS,
  },
  {
    id: "payload.os-release",
    area: "payload",
    asserts: "the system says what it is",
    assertion: { content: ["/{usr/lib,etc}/os-release"], has: "^ID=", required: true },
    reason: "tools for the image depend on it",
    source: "os-release(5)",
  },
  {
    id: "payload.packages",
    area: "payload",
    asserts: "every package is completely installed",
    assertion: { probe: "packages" },
    reason: "a half-installed package stops the next update",
    source: "dpkg(1), package states",
  },
  {
    id: "payload.secrets",
    area: "payload",
    asserts: "none of the run's secrets is on the disk, in deleted files neither",
    assertion: { probe: "secrets" },
    reason: "whoever gets the image gets them",
    source: KRAGLE,
  },
];

/** SHA-256 over the catalogue and the code that judges by it: another one means that images have to be checked again. */
export function catalogueDigest(): string {
  const hash = createHash("sha256");
  for (const name of readdirSync(__dirname).sort()) {
    hash.update(`${name}\0`).update(readFileSync(join(__dirname, name)));
  }
  return hash.digest("hex");
}
