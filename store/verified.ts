import { createHash } from "node:crypto";
import { stat } from "node:fs/promises";
import { join } from "node:path";

import { atomicWrite } from "../host/atomicWrite";
import { sha256File } from "../host/files";
import { readIfRegular } from "../host/regularFile";
import type { FileRecord } from "./manifest";

/**
 * Remembers files whose content was read and found right although their time or inode is not the recorded one, as in a store
 * that was copied or restored: they are read once, not at every look. One small file for each, below `.kragle/verified/`.
 */
export class VerifiedFiles {
  constructor(private readonly folder: string) {}

  /** Whether a file is still what its record says. Equal size, time and inode are believed; otherwise its content decides. */
  async isIntact(path: string, record: FileRecord): Promise<boolean> {
    const facts = await stat(path, { bigint: true }).catch(() => undefined);
    if (!facts?.isFile() || Number(facts.size) !== record.bytes) return false;
    const mtimeNs = String(facts.mtimeNs);
    const inode = String(facts.ino);
    if (mtimeNs === record.mtimeNs && inode === record.inode) return true;
    const note = join(this.folder, createHash("sha256").update(path).digest("hex"));
    const seen = [path, record.sha256, record.bytes, mtimeNs, inode].join("\n");
    if (readIfRegular(note, Buffer.byteLength(seen))?.toString() === seen) return true;
    // an unreadable file has no digest, and so is not intact
    if ((await sha256File(path).catch(() => undefined)) !== record.sha256) return false;
    // without the note the file is only read again next time
    await atomicWrite(note, seen).catch(() => undefined);
    return true;
  }
}
