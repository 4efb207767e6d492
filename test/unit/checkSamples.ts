import type { Facts } from "../../rules/facts";
import { IMAGE_IDENTITY } from "../sampleCalls";

const MODES = { file: 0o100644, folder: 0o040755, link: 0o120777 } as const;

export const OS_RELEASE = `NAME=Debian
ID=debian
IMAGE_ID="dev"
IMAGE_VERSION="1.4"
BUILD_ID="20261129.083105.0123456789ab"
`;

/** An image that a test takes faults into; it begins without any. */
export class SampleImage {
  readonly facts: Facts;

  constructor() {
    this.facts = {
      disk: {
        problems: [],
        leaks: 0,
        virtualBytes: 2 ** 32,
        backingFile: null,
        snapshots: 0,
        bitmaps: 0,
        encrypted: false,
      },
      table: {
        label: "gpt",
        problems: [],
        bootCode: true,
        partitions: [
          partition(1, "21686148-6449-6E6F-744E-656564454649", "bios"),
          partition(2, "C12A7328-F81F-11D2-BA4B-00A0C93EC93B", "esp"),
          partition(3, "4F68BCE3-E8CD-4DB1-96E7-FBCAF984B709", "root"),
        ],
      },
      fileSystems: [
        fileSystem(2, "vfat", "EA0B-41B8", "/boot/efi"),
        fileSystem(3, "ext4", "8e0848a3-9003-4559-b88d-7fa3e9594e2d", "/"),
      ],
      tree: [],
      contents: {},
      secrets: { scannedBytes: 1, tooShort: [], hits: [] },
      identity: IMAGE_IDENTITY,
    };
    this.file("/etc/machine-id", "")
      .file("/etc/shadow", "root:*:19000:0:99999:7:::\nsshd:!:19000::::::\n")
      .file("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\n")
      .file("/etc/sudoers", "root ALL=(ALL:ALL) ALL\n# %admin ALL=(ALL) NOPASSWD: ALL\n")
      .file("/etc/hostname", "localhost\n")
      .file("/etc/fstab", "UUID=8e0848a3-9003-4559-b88d-7fa3e9594e2d / ext4 defaults 0 1\n")
      .file("/etc/ssh/sshd_config", "Include /etc/ssh/sshd_config.d/*.conf\nUsePAM yes\n")
      .file("/etc/ssh/sshd_config.d/60-keys.conf", "PasswordAuthentication no\n")
      .file("/usr/sbin/sshd", "")
      .file("/usr/bin/cloud-init", "")
      .file("/usr/bin/growpart", "")
      .file("/usr/sbin/qemu-ga", "")
      .file("/usr/lib/os-release", OS_RELEASE)
      .file("/boot/vmlinuz-6.1.0", "x")
      .file("/boot/initrd.img-6.1.0", "x")
      .file("/boot/grub/grub.cfg", "linux /boot/vmlinuz-6.1.0 console=ttyS0,115200n8\n")
      .file("/boot/efi/EFI/BOOT/BOOTX64.EFI", "x")
      .file("/var/log/wtmp", "")
      .file("/var/lib/dpkg/status", "Package: bash\nStatus: install ok installed\nVersion: 5\n");
    this.entry("/usr/lib/modules/6.1.0", "folder")
      .link("/etc/os-release", "../usr/lib/os-release")
      .link("/etc/localtime", "/usr/share/zoneinfo/Etc/UTC")
      .link("/etc/systemd/system/cloud-init.target.wants/cloud-init.service", "x")
      .link("/etc/systemd/system/sysinit.target.wants/systemd-timesyncd.service", "x");
  }

  /** Adds or replaces a file. */
  file(path: string, text: string): this {
    this.facts.contents[path] = text;
    return this.entry(path, "file", text.length);
  }

  link(path: string, target: string): this {
    this.facts.contents[path] = target;
    return this.entry(path, "link");
  }

  remove(path: string): this {
    delete this.facts.contents[path];
    this.facts.tree = this.facts.tree.filter(([other]) => other !== path);
    return this;
  }

  private entry(path: string, type: keyof typeof MODES, bytes = 0): this {
    this.facts.tree = this.facts.tree.filter(([other]) => other !== path);
    this.facts.tree.push([path, MODES[type], 0, 0, bytes]);
    return this;
  }
}

function partition(number: number, type: string, name: string) {
  const startBytes = number * 2 ** 20;
  return { number, type, name, uuid: `part-${number}`, startBytes, sizeBytes: 2 ** 20 };
}

function fileSystem(partition: number, type: string, uuid: string, mountPoint: string) {
  return { partition, type, uuid, label: "", mountPoint, checked: true, problems: [] as string[] };
}
