import { createReadStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { EXIT, StageFailure } from "../../host/failure";
import { verifyDetached } from "../../host/openPgp";
import { displayPath } from "../../host/project";
import { withTemporaryFolder } from "../../host/temporaryFolder";
import { Unsuitable } from "../../host/regularFile";
import { SIGNATURE_FILES } from "../layout";
import { allowedSignersOf } from "./allowedSigners";
import type { ReleaseFolder } from "./folder";
import { verifySsh } from "./sshSignature";
import type { Check } from "./verdict";

export interface SignatureVerdict {
  readonly check: Omit<Check, "name">;
  /** Fingerprint of the key whose signature is good; undefined for none. */
  readonly signer?: string;
}

const failed = (detail: string): SignatureVerdict => ({ check: { state: "failed", detail } });

/**
 * Bytes of the largest signature, and of the largest key that comes along: GPG is busy for hours with one to which a great many others
 * have put their signatures.
 */
const SIGNATURE_BYTES = 2 ** 20;
/** Bytes of the caller's own file of keys. */
const KEYS_BYTES = 16 * 2 ** 20;

/**
 * Verifies the signature of `SHA256SUMS`.
 *
 * @param sums what was read of it: the same bytes by which the files are judged
 * @param allowedSigners the keys that are trusted; without it the key that came along is taken, which proves that nothing was
 * altered since somebody signed, and not who that was
 */
export async function verifySignature(
  folder: ReleaseFolder,
  sums: Uint8Array,
  allowedSigners: string | undefined,
): Promise<SignatureVerdict> {
  const trusted = allowedSigners === undefined ? undefined : await readKeys(allowedSigners);
  const kinds: (keyof typeof SIGNATURE_FILES)[] = [];
  for (const kind of ["ssh", "gpg"] as const) {
    if (await folder.has(SIGNATURE_FILES[kind].signature)) kinds.push(kind);
  }
  if (kinds.length === 0) {
    if (allowedSigners !== undefined) return failed("the release is not signed");
    const detail = "not signed: whoever can change these files can make their sums anew";
    return { check: { state: "warning", detail } };
  }
  if (kinds.length > 1) return failed("there are two signatures, of OpenSSH and of GPG");
  const kind = kinds[0]!;
  const names = SIGNATURE_FILES[kind];
  const problem = (name: string) => (error: Error) =>
    error instanceof Unsuitable ? `${name} ${error.message}` : `${name}: ${error.message}`;
  const read = (name: string) => folder.content(name, SIGNATURE_BYTES).catch(problem(name));
  const signature = await read(names.signature);
  if (typeof signature === "string") return failed(signature);
  const keys =
    trusted ??
    ((await folder.has(names.publicKey))
      ? await read(names.publicKey)
      : `no key to verify ${names.signature} with: ${names.publicKey} is missing`);
  if (typeof keys === "string") return failed(keys);
  const found = await withTemporaryFolder("kragle-verify-", async (scratch) => {
    // programs read files: these have what was read, whatever becomes of the folder's meanwhile
    const put = async (name: string, content: Uint8Array | string) => {
      await writeFile(join(scratch, name), content);
      return join(scratch, name);
    };
    const file = await put("signature", signature);
    if (kind === "ssh") {
      const signers = await put("keys", allowedSignersOf(keys.toString()));
      return verifySsh({ keys: signers, signature: file }, sums);
    }
    const [path, data] = [await put("keys", keys), await put("sums", sums)];
    return verifyDetached({ keys: [{ path }], signature: file, data }, scratch);
  });
  if ("problem" in found) return failed(`${names.signature}: ${found.problem}`);
  const { signer } = found;
  const by = `SHA256SUMS is signed by ${signer}`;
  const check = allowedSigners
    ? { state: "ok" as const, detail: `${by}, which ${displayPath(allowedSigners)} trusts` }
    : {
        state: "warning" as const,
        detail: `${by}, the key that came along; whose it is, only --allowed-signers can tell`,
      };
  return { signer, check };
}

/** The caller's own file, which may be a pipe; it is read once. */
async function readKeys(path: string): Promise<Buffer> {
  const wrong = (message: string) =>
    new StageFailure(`--allowed-signers: ${message}`, { exitCode: EXIT.wrongSettings });
  const pieces: Buffer[] = [];
  let bytes = 0;
  try {
    for await (const piece of createReadStream(path) as AsyncIterable<Buffer>) {
      pieces.push(piece);
      bytes += piece.length;
      if (bytes > KEYS_BYTES) throw wrong(`${path} is larger than any list of keys`);
    }
  } catch (error) {
    if (error instanceof StageFailure) throw error;
    const { code, message } = error as NodeJS.ErrnoException;
    throw wrong(
      code === "ENOENT" ? `there is no file ${path}` : `${path} cannot be read: ${message}`,
    );
  }
  const keys = Buffer.concat(pieces);
  const text = keys.toString("latin1");
  if (text.trim() === "") throw wrong(`${path} is empty`);
  const armour = /^-----BEGIN [A-Z ]*PRIVATE KEY( BLOCK)?-----/m.exec(text);
  if (armour) {
    const half = armour[1] ? "which gpg --armor --export writes" : `${path}.pub`;
    throw wrong(`${path} is a private key; whom to trust is said by its public half, ${half}`);
  }
  return keys;
}
