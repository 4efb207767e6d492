import type { LibvirtOutputs } from "../plan/outputs";

/** A file of a release, or of a published version of it. */
export interface ImageFile {
  /** Absolute where it lies in a folder; in a storage pool what libvirt calls it. */
  readonly path: string;
  /** 64 hexadecimal digits. */
  readonly sha256: string;
  /** What the file takes, holes included. */
  readonly bytes: number;
}

/** How an image was proven by a boot. */
export interface BootProof {
  /** False where nothing was booted. */
  readonly passed: boolean;
  /** What booted it: `qemu`, `libvirt`, or `none`. */
  readonly driver: string;
  /** To each rung of the first boot, in their order; empty where nothing was booted. */
  readonly seconds: Record<string, number>;
  /** The same for every boot of a full proof. */
  readonly boots?: Record<string, Record<string, number>>;
  /** The user's tests, which all passed; absent where there are none. */
  readonly tests?: string[];
  /** What stays defined where libvirt is the driver. */
  readonly libvirt?: LibvirtOutputs;
}

/** The copy of a release at one place. */
export interface PublishedVersion {
  /** Name of the version. */
  readonly version: string;
  /** By name. */
  readonly files: Record<string, ImageFile>;
}
