import { existsSync } from "node:fs";
import { rm, stat } from "node:fs/promises";
import { join } from "node:path";

import { recordFile } from "../../store/fileRecord";
import { atomicWrite } from "../../host/atomicWrite";
import { sha256File } from "../../host/files";
import { type FileRecord, fileRecord } from "../../store/manifest";
import type { base } from "../../plan/stages/base";
import { PROGRAMS_AT } from "../../executors/executor";
import { EXIT, StageFailure } from "../../host/failure";
import {
  cachedIso,
  findIso,
  ISO_CACHE,
  isoCache,
  missingIso,
  type WantedIso,
} from "../../host/iso";
import { lockFile } from "../../host/lock";
import { readRecord } from "../../host/record";
import { displayPath } from "../../host/project";
import type { StageContext } from "../../run/stage";
import { programsOf } from "../../run/task";

/**
 * The verified ISO: fetched where it is not there yet, and read whole unless its size, time and inode are those of the file that
 * was verified last.
 *
 * @returns its absolute path
 * @throws StageFailure (exit code 3) where it is missing, or is another file
 */
export async function provideIso(
  context: StageContext<typeof base>,
  wanted: WantedIso,
): Promise<string> {
  const { store, secrets, signal, detail } = context;
  const present = findIso(store.home, wanted);
  const isCached = present === cachedIso(store.home, wanted.sha256);
  try {
    if (present) {
      await verify(context, present, wanted.sha256);
      return present;
    }
  } catch (error) {
    // what was fetched can be fetched again; the user's own file is the user's
    if (!isCached || !secrets.isoUrls || !(error instanceof StageFailure)) throw error;
    detail(`${error.message}; it is fetched again`);
    await rm(present, { force: true });
  }
  if (!secrets.isoUrls) throw missingIso(wanted);
  const release = await lockFile(join(store.home, "locks", `iso-${wanted.sha256}`), {
    signal,
    onWait: (holder) => detail(`waiting: ${holder} fetches the same ISO`),
  });
  try {
    const cached = cachedIso(store.home, wanted.sha256);
    if (!existsSync(cached)) await fetchIso(context, wanted, secrets.isoUrls);
    return cached;
  } finally {
    await release();
  }
}

async function fetchIso(
  { request, store, container }: StageContext<typeof base>,
  { sha256 }: WantedIso,
  isoUrls: string,
): Promise<void> {
  const { exitCode, tail } = await container({
    image: request.toolsImage,
    programs: programsOf("fetchIso"),
    run: [`${PROGRAMS_AT}/fetch_iso.py`],
    user: "builder",
    network: "outside",
    allow: [...request.allow, ...hostsOf(JSON.parse(isoUrls) as string[])],
    caches: { "/cache": ISO_CACHE },
    settings: { sha256 },
    secrets: { isoUrls },
    deadlineSeconds: 24 * 3600,
    silenceSeconds: request.silenceSeconds,
  });
  if (exitCode !== 0) {
    throw new StageFailure(`the ISO could not be fetched\n${tail.slice(-12).join("\n")}`, {
      hint: "run the same command again, which goes on where the download stopped; or put the file where the setting isoPath says",
      exitCode: EXIT.lacking,
    });
  }
  const file = cachedIso(store.home, sha256);
  await remember(store.home, await recordFile(file, file, sha256), sha256);
}

/** The hosts of addresses, with their ports. */
const hostsOf = (urls: readonly string[]) =>
  urls.map((url) => {
    const { protocol, hostname, port } = new URL(url);
    return `${hostname}:${port || (protocol === "https:" ? 443 : 80)}`;
  });

async function verify(
  { store, phase }: StageContext<typeof base>,
  file: string,
  sha256: string,
): Promise<void> {
  const facts = await stat(file);
  if (!facts.isFile()) throw wrong(file, "is not a file");
  const now = await recordFile(file, file, sha256);
  const known = await recall(store.home, sha256);
  const same = (name: keyof FileRecord) => known?.[name] === now[name];
  if (same("path") && same("bytes") && same("mtimeNs") && same("inode")) return;
  phase("verify the ISO");
  const found = await sha256File(file).catch((error: Error) => {
    throw wrong(file, `cannot be read: ${error.message}`);
  });
  if (found !== sha256) {
    throw wrong(
      file,
      `(${now.bytes} bytes) has the SHA-256 ${found}, but the setting isoSha256 is ${sha256}: it is another file, or not whole`,
    );
  }
  await remember(store.home, now, sha256);
}

const wrong = (file: string, why: string) =>
  new StageFailure(`the ISO ${displayPath(file)} ${why}`, {
    hint: "compare with the checksum that its publisher shows beside the download, and download it again",
    exitCode: EXIT.lacking,
  });

const recall = (home: string, sha256: string) =>
  readRecord(join(isoCache(home), `${sha256}.json`), fileRecord, "the ISO is read whole again");

async function remember(home: string, record: FileRecord, sha256: string): Promise<void> {
  await atomicWrite(join(isoCache(home), `${sha256}.json`), JSON.stringify(record));
}
