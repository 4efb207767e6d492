import { stat } from "node:fs/promises";

import { sha256File } from "../host/files";
import type { FileRecord } from "./manifest";

/**
 * What a file is now.
 *
 * @param name under which the record has it
 * @param sha256 where the caller knows it already; otherwise the file is read for it
 */
export async function recordFile(path: string, name: string, sha256?: string): Promise<FileRecord> {
  const facts = await stat(path, { bigint: true });
  return {
    path: name,
    bytes: Number(facts.size),
    allocatedBytes: Number(facts.blocks) * 512,
    sha256: sha256 ?? (await sha256File(path)),
    mtimeNs: String(facts.mtimeNs),
    inode: String(facts.ino),
  };
}
