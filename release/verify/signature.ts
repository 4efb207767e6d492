import { createReadStream } from "node:fs";
import { writeFile } from "node:fs/promises";
import { join } from "node:path";

import { EXIT, saysDiskIsFull, StageFailure } from "../../host/failure";
import { type Command, endOf, type ProcessOptions, runProgram } from "../../host/process";
import { displayPath } from "../../host/project";
import { withTemporaryFolder } from "../../host/temporaryFolder";
import { Unsuitable } from "../../host/regularFile";
import { SIGNATURE_FILES } from "../layout";
import { NAMESPACE } from "../signing";
import { allowedSignersOf } from "./allowedSigners";
import type { ReleaseFolder } from "./folder";
import type { Check } from "./verdict";

export interface SignatureVerdict {
  readonly check: Omit<Check, "name">;
  /** Fingerprint of the key whose signature is good; undefined for none. */
  readonly signer?: string;
}

const failed = (detail: string): SignatureVerdict => ({ check: { state: "failed", detail } });

/** Bytes of the largest signature, and of the largest file of keys. */
const SIGNATURE_BYTES = 2 ** 20;
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
  const read = (name: string) => folder.content(name).catch(problem(name));
  const signature = await read(names.signature);
  if (typeof signature === "string") return failed(signature);
  if (signature.length > SIGNATURE_BYTES) return failed(`${names.signature} is no signature`);
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
    const evidence = {
      keys: await put("keys", kind === "ssh" ? allowedSignersOf(keys.toString()) : keys),
      signature: await put("signature", signature),
      sums: await put("sums", sums),
    };
    return kind === "ssh" ? verifySsh(evidence, sums) : verifyGpg(evidence, scratch);
  });
  if ("problem" in found) return failed(`${names.signature}: ${found.problem}`);
  const { signer } = found;
  const by = `SHA256SUMS is signed by ${signer}`;
  return allowedSigners
    ? {
        signer,
        check: { state: "ok", detail: `${by}, which ${displayPath(allowedSigners)} trusts` },
      }
    : {
        signer,
        check: {
          state: "warning",
          detail: `${by}, the key that came along; whose it is, only --allowed-signers can tell`,
        },
      };
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
  if (/^-----BEGIN [A-Z ]*PRIVATE KEY-----/m.test(text)) {
    throw wrong(`${path} is a private key; whom to trust is said by its public half, ${path}.pub`);
  }
  return keys;
}

type Found = { readonly signer: string } | { readonly problem: string };

/** Paths of what a program verifies. */
interface Evidence {
  readonly keys: string;
  readonly signature: string;
  readonly sums: string;
}

/**
 * Runs a program that judges.
 *
 * @throws Error with the code ENOSPC, or StageFailure, where its failure says nothing of what was to be judged
 */
async function judge(command: Command, options?: ProcessOptions) {
  const ended = await runProgram(command, options);
  if (ended.exitCode !== 0 && saysDiskIsFull(ended.stderr)) {
    throw Object.assign(new Error(ended.stderr), { code: "ENOSPC" });
  }
  if (ended.exitCode !== undefined) return ended;
  throw new StageFailure(`${command[0]} was ended by ${endOf(ended)}; nothing is known yet`, {
    hint: "see that there is memory, and room in TMPDIR, then run the same command again",
    exitCode: EXIT.lacking,
  });
}

async function verifySsh({ keys, signature }: Evidence, sums: Uint8Array): Promise<Found> {
  const find: Command = ["ssh-keygen", "-Y", "find-principals", "-s", signature, "-f", keys];
  const found = await judge(find);
  const principal = found.stdout.split("\n")[0];
  if (found.exitCode !== 0 || !principal) {
    return { problem: `not by a trusted key (${lastLine(found.stderr) || "no key matches"})` };
  }
  const verified = await judge(
    ["ssh-keygen", "-Y", "verify", "-f", keys, "-I", principal, "-n", NAMESPACE, "-s", signature],
    { input: sums },
  );
  if (verified.exitCode !== 0) return { problem: lastLine(verified.stderr) || "it does not match" };
  const signer = /SHA256:\S+/.exec(verified.stdout)?.[0];
  return signer ? { signer } : { problem: `ssh-keygen said: ${verified.stdout.trim()}` };
}

async function verifyGpg({ keys, signature, sums }: Evidence, home: string): Promise<Found> {
  const gpg: Command = ["gpg", "--batch", "--no-tty", "--no-autostart", "--homedir", home];
  const imported = await judge([...gpg, "--import", keys]);
  if (imported.exitCode !== 0) return { problem: `the keys: ${lastLine(imported.stderr)}` };
  const status = ["--status-fd", "1"];
  const { exitCode, stdout } = await judge([...gpg, ...status, "--verify", signature, sums]);
  // an expired or revoked key has another word than GOODSIG
  const signer = /^\[GNUPG:\] VALIDSIG .*\b([0-9A-F]{40,})$/m.exec(stdout)?.[1];
  if (exitCode === 0 && signer && /^\[GNUPG:\] GOODSIG /m.test(stdout)) return { signer };
  const missing = /^\[GNUPG:\] NO_PUBKEY /m.test(stdout);
  return {
    problem: missing ? "not by a trusted key" : "it does not match, or its key has expired",
  };
}

const lastLine = (text: string) => text.trim().split("\n").at(-1) ?? "";
