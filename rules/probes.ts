import { OS_RELEASE } from "../plan/imageIdentity";
import type { Entry, Facts } from "./facts";
import { mountsOf } from "./fstab";
import { DEBIAN_COPYRIGHTS, DPKG_STATUS, findPackages } from "./packages";
import type { ProbeName } from "./rule";

/** What is wrong (nothing, if the list is empty), or why there is nothing to judge. */
export type Verdict =
  readonly string[] | { readonly notChecked: string } | { readonly notApplicable: string };

/** For a file that has to be read, and is there. */
export const notRead = (path: string) => ({
  notChecked: `${path} was not read: it is too large, or no file`,
});

type Probe = (facts: Facts, entries: readonly Entry[]) => Verdict;

/** Partition types (GUIDs) of the UEFI and of the Discoverable Partitions Specification. */
const BIOS_BOOT = "21686148-6449-6E6F-744E-656564454649";
const EFI_SYSTEM = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B";

export const PROBES: Readonly<Record<ProbeName, Probe>> = {
  qcow2Consistent({ disk }) {
    return disk.leaks > 0 ? [...disk.problems, `${disk.leaks} leaked clusters`] : disk.problems;
  },

  qcow2Standalone({ disk }) {
    return [
      ...(disk.backingFile ? [`it needs the file ${disk.backingFile}`] : []),
      ...(disk.snapshots ? [`it holds ${disk.snapshots} snapshots`] : []),
      ...(disk.bitmaps ? [`it holds ${disk.bitmaps} bitmaps`] : []),
      ...(disk.encrypted ? ["it is encrypted"] : []),
    ];
  },

  partitionTable({ table }) {
    return table ? table.problems : ["there is no partition table"];
  },

  rootLast({ table, fileSystems }) {
    const root = fileSystems.find(({ mountPoint }) => mountPoint === "/");
    if (!root || !table) return { notChecked: "no root file system was found" };
    const last = table.partitions.at(-1)!;
    return last.number === root.partition
      ? []
      : [`partition ${last.number} lies behind the root's, which is ${root.partition}`];
  },

  fileSystemsClean({ fileSystems }) {
    const name = ({ partition, type }: Facts["fileSystems"][number]) =>
      `${type} on partition ${partition}`;
    const problems = fileSystems.flatMap((f) =>
      f.problems.map((problem) => `${name(f)}: ${problem}`),
    );
    if (problems.length > 0) return problems;
    const unread = fileSystems.filter(({ checked }) => !checked).map(name);
    if (unread.length > 0) return { notChecked: `no reader for ${unread.join(", ")}` };
    const lost = fileSystems.filter(({ mountPoint }) => mountPoint === null).map(name);
    if (lost.length > 0) {
      return {
        notChecked: `nothing says where ${lost.join(", ")} is mounted, so no rule has seen its files; /etc/fstab can say it`,
      };
    }
    return fileSystems.length > 0 ? [] : ["there is no file system"];
  },

  fstab({ contents, fileSystems, table }, entries) {
    const text = contents["/etc/fstab"];
    if (text === undefined) {
      return entries.some(({ path }) => path === "/etc/fstab")
        ? notRead("/etc/fstab")
        : { notApplicable: "there is no fstab" };
    }
    const known = new Set([
      ...fileSystems.flatMap(({ uuid, label }) => [`UUID=${uuid}`, `LABEL=${label}`]),
      ...(table?.partitions ?? []).flatMap(({ uuid, name }) => [
        `PARTUUID=${uuid}`,
        `PARTLABEL=${name}`,
      ]),
    ]);
    return mountsOf(text).flatMap(({ device, target, isSwap }) => {
      if (/^\/dev\/(sd|vd|xvd|hd|nvme|mmcblk)/.test(device)) {
        return [`${target} is mounted by the device name ${device}`];
      }
      const named = /^(UUID|LABEL|PARTUUID|PARTLABEL)=/.test(device);
      // swap is no file system that is looked into, and so not known
      return named && !isSwap && !known.has(device)
        ? [`${target} is mounted from ${device}, which is not on the disk`]
        : [];
    });
  },

  kernels(_facts, entries) {
    const paths = new Set(entries.map(({ path }) => path));
    const versions = [...paths].flatMap((path) => /^\/boot\/vmlinuz-(.+)$/.exec(path)?.[1] ?? []);
    const wanted = versions.filter((version) => !version.includes("rescue"));
    if (wanted.length === 0) return ["there is no /boot/vmlinuz-*"];
    return wanted.flatMap((version) => {
      const initial = [`/boot/initrd.img-${version}`, `/boot/initramfs-${version}.img`];
      const modules = [`/lib/modules/${version}`, `/usr/lib/modules/${version}`];
      return [
        ...(initial.some((path) => paths.has(path)) ? [] : [`${initial[0]} is missing`]),
        ...(modules.some((path) => paths.has(path)) ? [] : [`${modules[1]} is missing`]),
      ];
    });
  },

  biosBoot({ table }) {
    const core = table?.label !== "gpt" || table.partitions.some(({ type }) => type === BIOS_BOOT);
    return [
      ...(table?.bootCode ? [] : ["the first sector holds no boot code"]),
      ...(core ? [] : ["there is no BIOS boot partition"]),
    ];
  },

  uefiBoot({ table, fileSystems }, entries) {
    const esp = table?.partitions.find(({ type }) => type === EFI_SYSTEM);
    if (!esp) return { notApplicable: "there is no EFI system partition" };
    const mount = fileSystems.find(({ partition }) => partition === esp.number)?.mountPoint;
    // FAT knows no capitals
    const wanted = `${mount}/efi/boot/bootx64.efi`.toLowerCase();
    const found = entries.some(({ path }) => path.toLowerCase() === wanted);
    return found ? [] : [`partition ${esp.number} has no EFI/BOOT/BOOTX64.EFI`];
  },

  packages(facts) {
    const { ecosystem, packages } = findPackages(facts);
    if (ecosystem === null) return { notChecked: "no package database that kragle can read" };
    if (packages.length === 0) return ["the package database is empty"];
    return packages.flatMap(({ name, state }) =>
      state === "installed" ? [] : [`${name} is ${state}`],
    );
  },

  imageIdentity({ identity, contents }, entries) {
    if (!identity) return { notApplicable: "no stage has named the image" };
    // a link's content is its target
    const files = entries.filter(({ path, type }) => OS_RELEASES.includes(path) && type === "file");
    if (files.length === 0) return [`none of ${OS_RELEASES.join(", ")} is a file`];
    const unread = files.find(({ path }) => !Object.hasOwn(contents, path));
    if (unread) return notRead(unread.path);
    return files.flatMap(({ path }) => {
      const lines = contents[path]!.split("\n");
      return Object.entries(identity).flatMap(([name, value]) => {
        const field = OS_RELEASE[name as keyof typeof identity];
        const found = lines.filter((line) => line.startsWith(`${field}=`));
        const wanted = `${field}="${value}"`;
        if (found.length === 1 && found[0] === wanted) return [];
        return [`${path} has ${found.join(" and ") || `no ${field}`} instead of ${wanted}`];
      });
    });
  },

  secrets({ secrets, secretsAtBuild = [] }) {
    if (!secrets) return { notChecked: "the disk could not be unpacked" };
    const now = secrets.hits.map(({ secret, form, where }) => `${secret} (${form}) is in ${where}`);
    const earlier = secretsAtBuild
      .filter((name) => !secrets.hits.some(({ secret }) => secret === name))
      .map((name) => `${name}, with the value that it had when the image was built, is in it`);
    if (now.length + earlier.length > 0) return [...now, ...earlier];
    if (secrets.tooShort.length > 0) {
      return { notChecked: `too short to look for: ${secrets.tooShort.join(", ")}` };
    }
    if (secrets.scannedBytes === 0) return { notApplicable: "the run had no secrets" };
    return [];
  },
};

const OS_RELEASES = ["/usr/lib/os-release", "/etc/os-release"];

/** Where probes look at the mounted tree. */
export const PROBED_PATHS: Readonly<Partial<Record<ProbeName, readonly string[]>>> = {
  fstab: ["/etc/fstab"],
  imageIdentity: OS_RELEASES,
  kernels: ["/boot/*", "/usr/lib/modules/*"],
  packages: [DPKG_STATUS, "/var/lib/rpm/*", "/usr/lib/sysimage/rpm/*"],
};

/** Files whose content probes read. */
export const PROBED_CONTENTS: readonly string[] = [
  "/etc/fstab",
  ...OS_RELEASES,
  DPKG_STATUS,
  DEBIAN_COPYRIGHTS,
];
