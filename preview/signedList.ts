import { createHash } from "node:crypto";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import canonicalize from "canonicalize";
import { z } from "zod";

import { atomicWrite } from "../host/atomicWrite";
import { EXIT, StageFailure } from "../host/failure";
import { fileDigest } from "./inputFiles";
import { type TrustedKeys, verifyDetached, verifyInline } from "../host/openPgp";
import { inProject } from "../host/project";
import { readRecord } from "../host/record";
import { readRegular } from "../host/regularFile";
import { downloadSmall, isAddress, shownAddress, Unreachable } from "../host/smallDownload";
import { sourceCache } from "../store/sourceFile";
import { withTemporaryFolder } from "../host/temporaryFolder";
import { findDigest } from "../plan/digestList";
import {
  type Algorithm,
  ALGORITHMS,
  digestInWords,
  type PublishedDigest,
} from "../plan/publishedDigest";
import type { SignedList } from "../plan/imageSpec";

/** What is known of the disk that an image begins with. */
export interface SourceDigest {
  readonly digest: PublishedDigest;
  /** How that is known, for whoever asks what will be done; a line each. */
  readonly notes: readonly string[];
}

/** Bytes of a list, and of a signature: GPG is busy for hours with a large one. */
const LIST_BYTES = 4 * 2 ** 20;
const SIGNATURE_BYTES = 2 ** 20;
const INLINE = "-----BEGIN PGP SIGNED MESSAGE-----";

const published = z.strictObject({
  algorithm: z.enum(Object.keys(ALGORITHMS) as Algorithm[]),
  hex: z.string(),
});
const answer = z.strictObject({ digest: published, signer: z.string(), readAt: z.string() });
type Answer = z.infer<typeof answer>;

/**
 * The digest of a file by its publisher's list, when that is signed by a key that is trusted. Each answer is noted; where the list cannot be
 * reached, the last one counts, and is said to be that.
 *
 * @param name of the file in the list
 * @throws StageFailure where the list is not to be had and no answer is noted, is not signed by a trusted key, or does not have the file
 */
export async function digestBySignedList(
  home: string,
  list: SignedList,
  name: string,
): Promise<SourceDigest> {
  const noted = join(sourceCache(home), `${identityOf(list, name)}.list.json`);
  const place = shown(list.checksums);
  try {
    const { digest, signer } = await ask(list, name);
    await atomicWrite(noted, JSON.stringify({ digest, signer, readAt: new Date().toISOString() }));
    return {
      digest,
      notes: [`${name}: ${digestInWords(digest)} by ${place}, signed by ${signer}`],
    };
  } catch (error) {
    if (!(error instanceof Unreachable)) throw error;
    const last = await readRecord(noted, answer, "the list is read again when it is there");
    if (last) return { digest: last.digest, notes: [ofBefore(name, last, error)] };
    throw new StageFailure(`the list of digests cannot be had: ${error.message}`, {
      hint: "see that this machine reaches it, or give the disk's digest as from.sha256 or from.sha512",
      exitCode: EXIT.lacking,
    });
  }
}

const ofBefore = (name: string, { digest, signer, readAt }: Answer, { message }: Error) =>
  `${name}: ${digestInWords(digest)} as it was listed on ${readAt.slice(0, 16)}Z, signed by ${signer}; the list cannot be had now: ${message}`;

/** Another list, signature, key or name has answers of its own. */
function identityOf({ checksums, signature, keys }: SignedList, name: string): string {
  const trusted = keys.map(({ file, fingerprint }) => [fileDigest(inProject(file)), fingerprint]);
  const asked = canonicalize([checksums, signature, trusted, name])!;
  return createHash("sha256").update(asked).digest("hex");
}

async function ask({ checksums, signature, keys }: SignedList, name: string) {
  const [list, detached] = [
    await read(checksums, LIST_BYTES),
    signature === null ? undefined : await read(signature, SIGNATURE_BYTES),
  ];
  const trusted = keys.map(({ file, fingerprint }): TrustedKeys => {
    return { path: inProject(file), ...(fingerprint === null ? {} : { fingerprint }) };
  });
  const wrong = (message: string, hint: string) =>
    new StageFailure(`the list ${shown(checksums)} ${message}`, { hint, exitCode: EXIT.lacking });
  if (!detached && !list.includes(INLINE)) {
    throw wrong("is not signed within itself", "name its signature in from.signature");
  }
  return withTemporaryFolder("kragle-list-", async (scratch) => {
    // GPG reads files: these have what was read, whatever becomes of the originals meanwhile
    const put = async (file: string, content: Uint8Array) => {
      await writeFile(join(scratch, file), content);
      return join(scratch, file);
    };
    const text = join(scratch, "text");
    const found = detached
      ? await verifyDetached(
          {
            keys: trusted,
            signature: await put("signature", detached),
            data: await put("text", list),
          },
          scratch,
        )
      : await verifyInline({ keys: trusted, message: await put("message", list), text }, scratch);
    if ("problem" in found) {
      const hint =
        "compare from.keys with the keys that its publisher names, elsewhere than beside the list";
      throw wrong(`is not to be trusted: its signature: ${found.problem}`, hint);
    }
    const listed = findDigest(readRegular(text, LIST_BYTES).toString("utf8"), name);
    if ("problem" in listed) {
      throw wrong(
        listed.problem,
        "see that from names a file of that list; a publisher's newest may be another",
      );
    }
    return { ...listed, ...found };
  });
}

/** @throws Unreachable where an address gives nothing; StageFailure where a file does not */
async function read(place: string, most: number): Promise<Buffer> {
  if (!isAddress(place)) {
    try {
      return readRegular(inProject(place), most);
    } catch (error) {
      throw new StageFailure(`${place} cannot be read: ${(error as Error).message}`, {
        hint: "see the setting from: docs/sources.md",
        exitCode: EXIT.lacking,
      });
    }
  }
  return downloadSmall(place, most).catch((error: Error) => {
    throw error instanceof Unreachable
      ? new Unreachable(`${shownAddress(place)}: ${error.message}`)
      : error;
  });
}

const shown = (place: string) => (isAddress(place) ? shownAddress(place) : place);
