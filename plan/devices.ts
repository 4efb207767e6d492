/**
 * Disk controllers and network cards that machines have, and which kernels of Debian drive them.
 *
 * Read from /boot/config-* of linux-image-6.1.0-57-cloud-amd64 and linux-image-6.1.0-57-amd64 (Debian 12), and of
 * linux-image-6.12.117+deb13-cloud-amd64 and linux-image-6.12.117+deb13-amd64 (Debian 13).
 */

/** Releases whose kernels were read, by their code names. */
const RELEASES = ["bookworm", "trixie"] as const;

/** A device's option in the kernel's configuration, and the releases whose kernel `cloud` has it; `generic` has every one, in both. */
type Driver = readonly [option: `CONFIG_${string}`, cloud: readonly (typeof RELEASES)[number][]];

const drivers = <T extends Readonly<Record<string, Driver>>>(table: T): T => table;

export const DISK_CONTROLLERS = drivers({
  "virtio-blk": ["CONFIG_VIRTIO_BLK", RELEASES],
  "virtio-scsi": ["CONFIG_SCSI_VIRTIO", RELEASES],
  NVMe: ["CONFIG_BLK_DEV_NVME", RELEASES],
  "IDE (PIIX4)": ["CONFIG_ATA_PIIX", RELEASES],
  AHCI: ["CONFIG_SATA_AHCI", ["trixie"]],
  PVSCSI: ["CONFIG_VMWARE_PVSCSI", RELEASES],
  "LSI Logic": ["CONFIG_FUSION_SPI", []],
  "Hyper-V SCSI": ["CONFIG_HYPERV_STORAGE", RELEASES],
  "Xen disk": ["CONFIG_XEN_BLKDEV_FRONTEND", RELEASES],
});

export const NETWORK_CARDS = drivers({
  "virtio-net": ["CONFIG_VIRTIO_NET", RELEASES],
  e1000: ["CONFIG_E1000", []],
  VMXNET3: ["CONFIG_VMXNET3", RELEASES],
  "Hyper-V network": ["CONFIG_HYPERV_NET", RELEASES],
  "Xen network": ["CONFIG_XEN_NETDEV_FRONTEND", RELEASES],
  ENA: ["CONFIG_ENA_ETHERNET", RELEASES],
  gVNIC: ["CONFIG_GVE", RELEASES],
  MANA: ["CONFIG_MICROSOFT_MANA", RELEASES],
  mlx5: ["CONFIG_MLX5_CORE", RELEASES],
  e1000e: ["CONFIG_E1000E", []],
  igb: ["CONFIG_IGB", []],
  ixgbe: ["CONFIG_IXGBE", []],
  r8169: ["CONFIG_R8169", []],
  tg3: ["CONFIG_TIGON3", []],
  bnxt: ["CONFIG_BNXT", []],
});

export type DiskController = keyof typeof DISK_CONTROLLERS;
export type NetworkCard = keyof typeof NETWORK_CARDS;
export type Device = DiskController | NetworkCard;

/** A kernel package of Debian of which it is known what it drives. */
export interface KnownKernel {
  readonly kernel: "cloud" | "generic";
  readonly release: (typeof RELEASES)[number];
}

/** All of them. */
export const KNOWN_KERNELS: readonly KnownKernel[] = RELEASES.flatMap((release) =>
  (["cloud", "generic"] as const).map((kernel) => ({ kernel, release })),
);

const DRIVERS: Readonly<Record<Device, Driver>> = { ...DISK_CONTROLLERS, ...NETWORK_CARDS };

export const drives = ({ kernel, release }: KnownKernel, device: Device): boolean =>
  kernel === "generic" || DRIVERS[device][1].includes(release);
