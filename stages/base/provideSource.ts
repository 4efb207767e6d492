import { rm, stat } from "node:fs/promises";
import { join } from "node:path";

import { fileFacts } from "../../store/fileRecord";
import { atomicWrite } from "../../host/atomicWrite";
import { hashFile } from "../../host/files";
import { type FileFacts, fileFacts as factsSchema } from "../../store/manifest";
import { digestInWords, type PublishedDigest } from "../../plan/publishedDigest";
import type { base } from "../../plan/stages/base";
import { PROGRAMS_AT } from "../../executors/executor";
import { EXIT, StageFailure } from "../../host/failure";
import {
  cachedSource,
  findSource,
  missingSource,
  SOURCE_CACHE,
  SOURCE_WORDS,
  sourceCache,
  type WantedSource,
} from "../../store/sourceFile";
import { lockFile } from "../../host/lock";
import { readRecord } from "../../host/record";
import { displayPath } from "../../host/project";
import type { StageContext } from "../../run/stage";
import { programsOf } from "../../run/task";

/**
 * The verified file: fetched where it is not there yet, and read whole unless its size, time and inode are those of the file that
 * was verified last.
 *
 * @returns its absolute path
 * @throws StageFailure (exit code 3) where it is missing, or is another file
 */
export async function provideSource(
  context: StageContext<typeof base>,
  wanted: WantedSource,
): Promise<string> {
  const { store, secrets, signal, detail } = context;
  const cached = cachedSource(store.home, wanted);
  const present = findSource(store.home, wanted);
  try {
    if (present) {
      await verify(context, present, wanted);
      return present;
    }
  } catch (error) {
    // what was fetched can be fetched again; the user's own file is the user's
    const isCached = present === cached;
    if (!isCached || !secrets.sourceUrls || !(error instanceof StageFailure)) throw error;
    detail(`${error.message}; it is fetched again`);
    await rm(present, { force: true });
  }
  if (!secrets.sourceUrls) throw missingSource(wanted);
  const release = await lockFile(join(store.home, "locks", `${wanted.kind}-${wanted.digest.hex}`), {
    signal,
    onWait: (holder) => detail(`waiting: ${holder} fetches the same file`),
  });
  try {
    if (!findSource(store.home, { ...wanted, path: null }))
      await fetchSource(context, wanted, secrets.sourceUrls);
    return cached;
  } finally {
    await release();
  }
}

async function fetchSource(
  { request, store, container }: StageContext<typeof base>,
  wanted: WantedSource,
  urls: string,
): Promise<void> {
  const { kind, digest } = wanted;
  const { name, path } = SOURCE_WORDS[kind];
  const { exitCode, tail } = await container({
    image: request.toolsImage,
    programs: programsOf("fetch"),
    run: [`${PROGRAMS_AT}/fetch_file.py`],
    user: "builder",
    network: "outside",
    allow: [...request.allow, ...hostsOf(JSON.parse(urls) as string[])],
    caches: { "/cache": SOURCE_CACHE },
    settings: { algorithm: digest.algorithm, digest: digest.hex, kind, name },
    secrets: { urls },
    deadlineSeconds: 24 * 3600,
    silenceSeconds: request.silenceSeconds,
  });
  if (exitCode !== 0) {
    throw new StageFailure(`the ${name} could not be fetched\n${tail.slice(-12).join("\n")}`, {
      hint: `run the same command again, which goes on where the download stopped; or put the file where the setting ${path} says`,
      exitCode: EXIT.lacking,
    });
  }
  const file = cachedSource(store.home, wanted);
  await remember(store.home, await fileFacts(file, file), digest);
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
  { kind, digest }: WantedSource,
): Promise<void> {
  const words = SOURCE_WORDS[kind];
  const wrong = (why: string) =>
    new StageFailure(`the ${words.name} ${displayPath(file)} ${why}`, {
      hint: "compare with the checksum that its publisher shows beside the download, and download it again",
      exitCode: EXIT.lacking,
    });
  const facts = await stat(file);
  if (!facts.isFile()) throw wrong("is not a file");
  const now = await fileFacts(file, file);
  const known = await recall(store.home, digest);
  const same = (field: keyof FileFacts) => known?.[field] === now[field];
  if (same("path") && same("bytes") && same("mtimeNs") && same("inode")) return;
  phase(`verify the ${words.name}`);
  const found = await hashFile(file, digest.algorithm).catch((error: Error) => {
    throw wrong(`cannot be read: ${error.message}`);
  });
  if (found !== digest.hex) {
    throw wrong(
      `(${now.bytes} bytes) has the ${digestInWords({ ...digest, hex: found })}, but the setting ${words.digest} asks for ${digest.hex}: it is another file, or not whole`,
    );
  }
  await remember(store.home, now, digest);
}

const recall = (home: string, { hex }: PublishedDigest) =>
  readRecord(join(sourceCache(home), `${hex}.json`), factsSchema, "the file is read whole again");

async function remember(home: string, facts: FileFacts, { hex }: PublishedDigest): Promise<void> {
  await atomicWrite(join(sourceCache(home), `${hex}.json`), JSON.stringify(facts));
}
