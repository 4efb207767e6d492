import { stat } from "node:fs/promises";

import { sha256File } from "../host/files";
import type { FileFacts, FileRecord } from "./manifest";

/**
 * What a file is now.
 *
 * @param name under which the record has it
 * @param sha256 where the caller knows it already; otherwise the file is read for it
 */
export async function recordFile(path: string, name: string, sha256?: string): Promise<FileRecord> {
  const { inode, mtimeNs, ...facts } = await fileFacts(path, name);
  return { ...facts, sha256: sha256 ?? (await sha256File(path)), mtimeNs, inode };
}

/** The same without its content. */
export async function fileFacts(path: string, name: string): Promise<FileFacts> {
  const facts = await stat(path, { bigint: true });
  return {
    path: name,
    bytes: Number(facts.size),
    allocatedBytes: Number(facts.blocks) * 512,
    mtimeNs: String(facts.mtimeNs),
    inode: String(facts.ino),
  };
}
