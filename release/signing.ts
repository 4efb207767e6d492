import { readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { EXIT, saysDiskIsFull, StageFailure } from "../host/failure";
import { readText } from "../host/files";
import { type Command, lastLine, outputOf } from "../host/process";
import { displayPath, inProject } from "../host/project";
import { NAMES, SIGNATURE_FILES } from "./layout";

/** What a signature is for, so that one made for another purpose does not count: ssh-keygen(1), option -n. */
export const NAMESPACE = "kragle";

/** The public side of the key that signs a release. */
export interface Signer {
  readonly kind: "ssh" | "gpg";
  /** "SHA256:…" of an OpenSSH key, 40 hex digits of a GPG key. */
  readonly fingerprint: string;
  /** As in authorized_keys, or an armoured GPG key. */
  readonly publicKey: string;
}

/**
 * Finds the key that the setting `signKey` names, and sees that it can sign now, without asking anybody.
 *
 * @param signKey path of an OpenSSH private key (of a public one whose private half an agent holds), or "gpg:KEYID"
 * @throws StageFailure that says what to do
 */
export function findSigner(signKey: string): Promise<Signer> {
  return signKey.startsWith("gpg:") ? findGpg(signKey.slice(4)) : findSsh(inProject(signKey));
}

/** Signs `SHA256SUMS` in a folder. Leaves the signature there and returns its name. */
export async function sign(signKey: string, signer: Signer, folder: string): Promise<string> {
  const sums = await readFile(join(folder, NAMES.sums));
  const { signature } = SIGNATURE_FILES[signer.kind];
  const command: Command =
    signer.kind === "ssh"
      ? ["ssh-keygen", "-Y", "sign", "-q", "-n", NAMESPACE, "-f", inProject(signKey)]
      : [...GPG, "--local-user", signer.fingerprint, "--armor", "--detach-sign"];
  const signed = await run(command, sums).catch((error: Error) => {
    throw cannotSign(signKey, error, "see that the key, or the agent that holds it, can be used");
  });
  await writeFile(join(folder, signature), signed);
  return signature;
}

/** The public key as `verify` reads it; it can be written before anything is signed. */
export function publicKeyFile({ kind, publicKey }: Signer): { name: string; text: string } {
  const { publicKey: name } = SIGNATURE_FILES[kind];
  if (kind === "gpg") return { name, text: publicKey };
  return { name, text: `${NAMESPACE} namespaces="${NAMESPACE}" ${publicKey}\n` };
}

async function findSsh(file: string): Promise<Signer> {
  let text;
  try {
    text = readText(file);
  } catch (error) {
    throw wrong(`the signing key ${displayPath(file)} cannot be read: ${(error as Error).message}`);
  }
  const publicKey = text.startsWith("-----BEGIN")
    ? await publicHalf(file)
    : await heldByAgent(file);
  const fingerprint = await fingerprintOf(publicKey);
  return { kind: "ssh", fingerprint, publicKey };
}

/** The public key of a private one that needs no passphrase, or whose passphrase an agent has been told. */
async function publicHalf(file: string): Promise<string> {
  try {
    return plainKey(await run(["ssh-keygen", "-y", "-P", "", "-f", file]));
  } catch (error) {
    const { message } = error as Error;
    if (/passphrase/.test(message)) return heldByAgent(file);
    if (/UNPROTECTED/.test(message)) {
      throw wrong(
        `the signing key ${displayPath(file)} can be read by others`,
        `chmod 600 ${file}`,
      );
    }
    throw error instanceof StageFailure
      ? error
      : wrong(`${displayPath(file)} is not a private key of OpenSSH: ${lastLine(message)}`);
  }
}

async function heldByAgent(file: string): Promise<string> {
  const fingerprint = await fingerprintOf(undefined, file);
  const held = await run(["ssh-add", "-L"]).catch(() => "");
  for (const line of held.split("\n").filter(Boolean)) {
    if ((await fingerprintOf(line)) === fingerprint) return plainKey(line);
  }
  throw new StageFailure(
    `the signing key ${displayPath(file)} has a passphrase, and no SSH agent holds the key`,
    { hint: `ssh-add ${file}`, exitCode: EXIT.lacking },
  );
}

/** The fingerprint of a public key, or of the key in a file. */
async function fingerprintOf(publicKey: string | undefined, file = "-"): Promise<string> {
  const text = await run(["ssh-keygen", "-l", "-f", file], publicKey).catch((error: Error) => {
    if (error instanceof StageFailure) throw error;
    throw wrong(`${displayPath(file)} is not a key of OpenSSH: ${lastLine(error.message)}`);
  });
  return text.split(" ")[1]!;
}

/** A public key without its comment, which may be somebody's name or address. */
const plainKey = (line: string) => line.trim().split(" ").slice(0, 2).join(" ");

const GPG: Command = ["gpg", "--batch", "--no-tty", "--pinentry-mode", "error"];

async function findGpg(id: string): Promise<Signer> {
  const list = await run([...GPG, "--with-colons", "--list-secret-keys", "--", id]).catch(
    (error: Error) => {
      if (error instanceof StageFailure) throw error;
      throw wrong(`GPG has no private key ${id}: ${lastLine(error.message)}`);
    },
  );
  const fingerprint = /^fpr:+([0-9A-F]{40,}):/m.exec(list)?.[1];
  if (!fingerprint) throw wrong(`GPG has no private key ${id}`);
  await run([...GPG, "--local-user", fingerprint, "--detach-sign"], "").catch((error: Error) => {
    const hint =
      "give its passphrase to gpg-agent first, for instance by signing something by hand";
    throw cannotSign(`gpg:${id}`, error, hint);
  });
  const publicKey = await run([...GPG, "--armor", "--export", fingerprint]);
  return { kind: "gpg", fingerprint, publicKey };
}

/** Runs a tool that must not ask anything: without a terminal, in a session of its own. */
const run = (command: Command, input?: string | Uint8Array): Promise<string> =>
  outputOf(command, { input, ownSession: true, env: { SSH_ASKPASS_REQUIRE: "never" } });

function cannotSign(signKey: string, error: Error, hint: string): StageFailure {
  if (error instanceof StageFailure) return error;
  const isFull = saysDiskIsFull(error.message);
  return new StageFailure(`nothing can be signed with ${signKey}: ${lastLine(error.message)}`, {
    hint: isFull ? "make room where GPG has its files (GNUPGHOME), and in TMPDIR" : hint,
    exitCode: EXIT.lacking,
  });
}

const wrong = (message: string, hint = "see the setting signKey in README.md") =>
  new StageFailure(message, { hint, exitCode: EXIT.wrongSettings });
