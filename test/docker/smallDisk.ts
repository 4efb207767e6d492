import { execFileSync } from "node:child_process";
import { mkdtempSync, rmSync, truncateSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { programs } from "./programs";
import { sha256File } from "../../host/files";
import { claimHome } from "../../host/home";
import { writeStackRecord } from "../../store/stackRecord";
import { ownerOf } from "../stacks";

/** Runs a shell script in the tools image as root, with a folder at /w and kragle's programs where stages have theirs. */
export function inTools(image: string, folder: string, script: string): string {
  const mounts = [
    `type=bind,source=${folder},target=/w`,
    `type=bind,source=${programs()},target=/usr/local/lib/kragle,readonly`,
  ].flatMap((mount) => ["--mount", mount]);
  const limits = ["--rm", "--network", "none", "--entrypoint", "bash"];
  return execFileSync(
    "docker",
    ["run", ...limits, ...mounts, image, "-euo", "pipefail", "-c", script],
    { encoding: "utf8", stdio: ["ignore", "pipe", "pipe"] },
  );
}

export interface SmallDisk {
  readonly folder: string;
  /** qcow2 of a GPT disk with one ext4 partition that holds incompressible files, with free space between them. */
  readonly path: string;
  readonly sha256: string;
  readonly virtualBytes: number;
  readonly toolsImage: string;
}

export const MIB = 2 ** 20;

/** Makes a disk to convert and to write, in a folder with a space and a non-ASCII letter in its name. */
export async function makeSmallDisk(toolsImage: string, dataMiB = 24): Promise<SmallDisk> {
  const folder = mkdtempSync(join(tmpdir(), "kragle dïsk "));
  const virtualBytes = (dataMiB * 2 + 40) * MIB;
  inTools(
    toolsImage,
    folder,
    `cd /w; mkdir root
     for i in $(seq ${dataMiB}); do head -c ${MIB} /dev/urandom >root/$i; done
     for i in $(seq 50); do echo $i >root/small$i; done
     truncate -s ${virtualBytes} disk.raw
     echo 'start=2048, type=L' | sfdisk --quiet --label gpt disk.raw
     mke2fs -q -F -t ext4 -b 4096 -d root -E offset=${MIB} disk.raw ${virtualBytes / 1024 - 2048}k
     qemu-img convert -f raw -O qcow2 disk.raw image.qcow2
     rm -r root disk.raw`,
  );
  const path = join(folder, "image.qcow2");
  return { folder, path, sha256: await sha256File(path), virtualBytes, toolsImage };
}

/** Makes a stack look as if it had released this disk; `./kragle` finds it with KRAGLE_HOME set to the returned folder. */
export async function pretendRelease(disk: SmallDisk, stack = "dev"): Promise<string> {
  const home = join(disk.folder, "kragle home");
  claimHome(home);
  await writeStackRecord(home, ownerOf(home, stack), {
    engine: "embedded",
    finishedAt: new Date().toISOString(),
    outputs: {
      imagePath: disk.path,
      imageSha256: disk.sha256,
      imageBytes: 1,
      imageVirtualBytes: disk.virtualBytes,
      builderImageId: disk.toolsImage,
    },
  });
  return home;
}

/** Whether loop devices can be made here: by root, on a machine that has them. */
export function canLoop(): boolean {
  if (process.getuid!() !== 0) return false;
  try {
    execFileSync("losetup", ["--find"], { stdio: "ignore" });
    return true;
  } catch {
    return false;
  }
}

/** A loop device over a file. It is detached by `remove`, which every test calls. */
export class LoopDevice {
  readonly path: string;

  constructor(
    readonly file: string,
    bytes: number,
    content?: Buffer,
  ) {
    writeFileSync(file, content ?? "");
    truncateSync(file, bytes);
    this.path = losetup("--find", "--show", file);
  }

  remove(): void {
    // the kernel would keep that for whoever gets this number next
    execFileSync("blockdev", ["--setrw", this.path]);
    losetup("--detach", this.path);
    rmSync(this.file, { force: true });
  }
}

export function losetup(...args: string[]): string {
  return execFileSync("losetup", args, { encoding: "utf8" }).trim();
}
