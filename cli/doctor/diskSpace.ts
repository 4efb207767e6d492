import type { Conversion } from "../../plan/formats";
import { formatSize } from "../../plan/units";
import type { SourceKind } from "../../store/sourceFile";
import { type Requirement, verdict } from "./requirements";

/** How much disk a build takes, and whether it is there. */

export interface DiskSettings {
  /** Size of the virtual disk. */
  readonly diskBytes: number;
  readonly formats: readonly Conversion[];
  /** What the finished image takes on disk; from the last build, or a guess. */
  readonly expectedImageBytes: number;
  /** The builder image has still to be built. */
  readonly builder: boolean;
  /** The system is installed by its own installer, which leaves blocks of deleted files on the disk. */
  readonly installer: boolean;
  /** What has still to be fetched; null for nothing. */
  readonly fetches: SourceKind | null;
}

/** What is written below each place, in bytes. */
export interface DiskNeed {
  readonly store: number;
  readonly output: number;
  readonly docker: number;
}

/** Layers of the tools image and of its build, measured at 1.0 GiB. */
const BUILDER_BYTES = 1.25 * 2 ** 30;
/** What a boot writes into its throw-away overlay. */
const BOOT_BYTES = 256 * 2 ** 20;
/** The DVD of CentOS 7; that of RHEL 7 is smaller. Publishers' disks for clouds have 0.3 to 1 GiB. */
const FETCHED_BYTES = { iso: 4.5 * 2 ** 30, disk: 2 ** 30 };
const INSTALLER_FACTOR = 1.5;
const MARGIN = 1.2;

/**
 * The need of a build of everything, with a margin of a fifth. Raw files are sparse; only formats that are fixed in size
 * take the whole disk. The release is counted as a copy, which a file system with reflinks does not take.
 */
export function diskNeed({
  diskBytes,
  formats,
  expectedImageBytes,
  builder,
  installer,
  fetches,
}: DiskSettings): DiskNeed {
  const image = Math.min(expectedImageBytes, diskBytes);
  const conversions = formats
    .map(({ options }) => (options.subformat === "fixed" ? diskBytes : image))
    .reduce((sum, bytes) => sum + bytes, 0);
  const installed = Math.min(installer ? image * INSTALLER_FACTOR : image, diskBytes);
  const overlay = image;
  const margin = (bytes: number) => Math.ceil(bytes * MARGIN);
  return {
    store: margin(
      installed +
        overlay +
        image +
        conversions +
        BOOT_BYTES +
        (fetches ? FETCHED_BYTES[fetches] : 0),
    ),
    output: margin(image + conversions),
    docker: builder ? margin(BUILDER_BYTES) : 0,
  };
}

/** One of the places that a build writes to. */
export interface Place {
  readonly name: string;
  readonly needBytes: number;
  readonly freeBytes: number;
  /** Places on one device share its free space. */
  readonly device: number;
}

/** One verdict a device. "degraded" where only the margin is lacking, "missing" where the need itself is not met. */
export function diskRequirements(places: readonly Place[]): Requirement[] {
  const devices = [...new Set(places.map(({ device }) => device))];
  return devices.map((device) => {
    const here = places.filter((place) => place.device === device);
    const need = here.reduce((sum, { needBytes }) => sum + needBytes, 0);
    const free = Math.min(...here.map(({ freeBytes }) => freeBytes));
    const status = free >= need ? "ok" : free >= need / MARGIN ? "degraded" : "missing";
    return verdict(
      "Free space",
      status,
      `${formatSize(free)} for ${here.map(({ name }) => name).join(", ")}`,
      `${formatSize(need)} for a build of everything`,
      "./kragle gc deletes what no stack uses; KRAGLE_HOME and the setting path can lie on another disk",
    );
  });
}
