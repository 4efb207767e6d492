/** The storage pool that libvirt's own tools use where none is named; it has to be one of type `dir`. */
export const LIBVIRT_POOL = "default";

/** Where a stage finds the guest that was defined for it. */
export interface LibvirtGuestSpec {
  readonly uri: string;
  readonly domain: string;
  /** "qemu" is software emulation. */
  readonly type: "kvm" | "qemu";
  readonly pool: string;
  /** Volumes of the pool: a copy of the image, an overlay of it, and what the guest writes on its serial console. */
  readonly image: string;
  readonly overlay: string;
  readonly serial: string;
  /** Virtual size of the overlay. */
  readonly diskBytes: number;
}
