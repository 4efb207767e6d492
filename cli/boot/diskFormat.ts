import { open } from "node:fs/promises";

import { EXIT, StageFailure } from "../../host/failure";

/** What tells the formats apart, as QEMU's block drivers look for it, by place in the file. */
const SIGNATURES: readonly (readonly [format: string, at: number, bytes: string])[] = [
  ["qcow2", 0, "QFI\xfb"],
  ["vmdk", 0, "KDMV"],
  ["vhdx", 0, "vhdxfile"],
  ["vdi", 64, "\x7f\x10\xda\xbe"],
  // the copy of its footer that a dynamic one begins with
  ["vpc", 0, "conectix"],
];

/** What QEMU cannot boot from as it is, and what makes a disk of it. */
const COMPRESSED: readonly (readonly [bytes: string, unpack: string])[] = [
  ["\x28\xb5\x2f\xfd", "zstd -d"],
  ["\x1f\x8b", "gunzip"],
  ["\xfd7zXZ", "unxz"],
];

const SECTOR = 512;

/**
 * The format of a disk image, by its content.
 *
 * @returns QEMU's name of it
 * @throws StageFailure (exit code 2) where it is none that a machine can boot from
 */
export async function diskFormat(path: string): Promise<string> {
  const { head, tail } = await readEnds(path);
  const found = SIGNATURES.find(([, at, bytes]) => head.startsWith(bytes, at));
  if (found) return found[0];
  if (tail.startsWith("conectix")) return "vpc";
  const packed = COMPRESSED.find(([bytes]) => head.startsWith(bytes));
  if (packed) throw wrong(`${path} is compressed`, `${packed[1]} makes the disk of it`);
  if (head.startsWith("\x55\xaa", SECTOR - 2)) return "raw";
  throw wrong(
    `${path} is no disk: neither a format that QEMU knows, nor a disk with a boot sector`,
  );
}

async function readEnds(path: string): Promise<{ head: string; tail: string }> {
  const file = await open(path);
  try {
    const read = async (at: number) => {
      const { buffer, bytesRead } = await file.read(Buffer.alloc(SECTOR), 0, SECTOR, at);
      return buffer.toString("latin1", 0, bytesRead);
    };
    const { size } = await file.stat();
    return { head: await read(0), tail: await read(Math.max(0, size - SECTOR)) };
  } finally {
    await file.close();
  }
}

const wrong = (message: string, hint?: string) =>
  new StageFailure(message, { hint, exitCode: EXIT.wrongSettings });
