import { open, stat } from "node:fs/promises";
import { relative } from "node:path";

import { isSameFile } from "../host/files";
import { formatExactly } from "../plan/units";
import { fileUses, identityOf } from "./fileUse";

/** What is kragle's own, which no write must replace. */
export interface OwnFiles {
  /** Folder of the store, roots and state, absolute and without links: nothing is written below it. */
  readonly home: string;
  /** Files of the store and of releases; they need not be there. */
  readonly files: readonly string[];
}

/** Why a file is kragle's own, or would be; undefined where it is not. A hard link to such a file is one, too. */
export async function ownReason(path: string, own: OwnFiles): Promise<string | undefined> {
  const below = relative(own.home, path);
  if (below !== ".." && !below.startsWith("../")) {
    return `it lies in ${own.home}, where kragle keeps its store`;
  }
  const identity = await identityOf(path);
  if (!identity) return undefined;
  for (const file of own.files) {
    const other = await identityOf(file);
    if (!other || !isSameFile(other, identity)) continue;
    return `it is a file of kragle's own${file === path ? "" : `: ${file}`}`;
  }
  return undefined;
}

/** Why a file that is there must not be replaced: it is no disk of the image's size, or is in use. Empty where it may be. */
export async function fileRefusals(path: string, virtualBytes: number): Promise<string[]> {
  const facts = await stat(path, { bigint: true });
  const size = Number(facts.size);
  const reasons = await fileUses(path, facts);
  if (size !== virtualBytes) {
    reasons.push(
      `it is no disk of the image's size: it has ${formatExactly(size)}, the image ${formatExactly(virtualBytes)}`,
    );
  } else if (!(await looksLikeDisk(path))) {
    reasons.push("it is no disk: it begins with neither a partition table nor zeros");
  }
  return reasons;
}

const BEGINNING_BYTES = 2 ** 20;

/** Whether a file begins with a partition table, MBR or GPT, or is a disk on which nothing was written yet. */
async function looksLikeDisk(path: string): Promise<boolean> {
  const handle = await open(path);
  try {
    const { buffer, bytesRead } = await handle.read({ buffer: Buffer.alloc(BEGINNING_BYTES) });
    const found = buffer.subarray(0, bytesRead);
    return (
      found.subarray(510, 512).equals(Buffer.from([0x55, 0xaa])) ||
      found.subarray(512, 520).toString("latin1") === "EFI PART" ||
      found.every((byte) => byte === 0)
    );
  } finally {
    await handle.close();
  }
}
