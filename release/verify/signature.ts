import { existsSync } from "node:fs";
import { mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { EXIT, StageFailure } from "../../host/failure";
import { type Command, runProgram } from "../../host/process";
import { displayPath } from "../../host/project";
import { NAMES, SIGNATURE_FILES } from "../layout";
import { NAMESPACE } from "../signing";
import type { Check } from "./verdict";

export interface SignatureVerdict {
  readonly check: Omit<Check, "name">;
  /** Fingerprint of the key whose signature is good; undefined for none. */
  readonly signer?: string;
}

const failed = (detail: string): SignatureVerdict => ({ check: { state: "failed", detail } });

/**
 * Verifies the signature of `SHA256SUMS`.
 *
 * @param allowedSigners the keys that are trusted; without it the key that came along is taken, which proves that nothing was
 * altered since somebody signed, and not who that was
 */
export async function verifySignature(
  folder: string,
  allowedSigners: string | undefined,
): Promise<SignatureVerdict> {
  if (allowedSigners !== undefined && !existsSync(allowedSigners)) {
    throw new StageFailure(`--allowed-signers: there is no file ${allowedSigners}`, {
      exitCode: EXIT.wrongSettings,
    });
  }
  const kinds = (["ssh", "gpg"] as const).filter((kind) =>
    existsSync(join(folder, SIGNATURE_FILES[kind].signature)),
  );
  if (kinds.length === 0) {
    if (allowedSigners !== undefined) return failed("the release is not signed");
    const detail = "not signed: whoever can change these files can make their sums anew";
    return { check: { state: "warning", detail } };
  }
  if (kinds.length > 1) return failed("there are two signatures, of OpenSSH and of GPG");
  const kind = kinds[0]!;
  const { signature, publicKey } = SIGNATURE_FILES[kind];
  const given = allowedSigners ?? join(folder, publicKey);
  if (!existsSync(given))
    return failed(`no key to verify ${signature} with: ${publicKey} is missing`);
  // the keys may come through a pipe, which can be read once, and GPG needs a keyring that is not the caller's
  const scratch = await mkdtemp(join(tmpdir(), "kragle-verify-"));
  const found = await (async () => {
    const keys = join(scratch, "keys");
    await writeFile(keys, await readFile(given));
    const verifier = kind === "ssh" ? verifySsh : verifyGpg;
    return verifier(join(folder, signature), keys, join(folder, NAMES.sums), scratch);
  })().finally(() => rm(scratch, { recursive: true, force: true }));
  if ("problem" in found) return failed(`${signature}: ${found.problem}`);
  const { signer } = found;
  const by = `SHA256SUMS is signed by ${signer}`;
  return allowedSigners
    ? { signer, check: { state: "ok", detail: `${by}, which ${displayPath(given)} trusts` } }
    : {
        signer,
        check: {
          state: "warning",
          detail: `${by}, the key that came along; whose it is, only --allowed-signers can tell`,
        },
      };
}

type Found = { readonly signer: string } | { readonly problem: string };

async function verifySsh(signature: string, keys: string, sums: string): Promise<Found> {
  const find: Command = ["ssh-keygen", "-Y", "find-principals", "-s", signature, "-f", keys];
  const found = await runProgram(find);
  const principal = found.stdout.split("\n")[0];
  if (found.exitCode !== 0 || !principal) {
    return { problem: `not by a trusted key (${lastLine(found.stderr) || "no key matches"})` };
  }
  const verified = await runProgram(
    ["ssh-keygen", "-Y", "verify", "-f", keys, "-I", principal, "-n", NAMESPACE, "-s", signature],
    { input: await readFile(sums) },
  );
  if (verified.exitCode !== 0) return { problem: lastLine(verified.stderr) || "it does not match" };
  const signer = /SHA256:\S+/.exec(verified.stdout)?.[0];
  return signer ? { signer } : { problem: `ssh-keygen said: ${verified.stdout.trim()}` };
}

async function verifyGpg(
  signature: string,
  keys: string,
  sums: string,
  home: string,
): Promise<Found> {
  const gpg: Command = ["gpg", "--batch", "--no-tty", "--no-autostart", "--homedir", home];
  const imported = await runProgram([...gpg, "--import", keys]);
  if (imported.exitCode !== 0) return { problem: `the keys: ${lastLine(imported.stderr)}` };
  const status = ["--status-fd", "1"];
  const { exitCode, stdout } = await runProgram([...gpg, ...status, "--verify", signature, sums]);
  // an expired or revoked key has another word than GOODSIG
  const signer = /^\[GNUPG:\] VALIDSIG .*\b([0-9A-F]{40,})$/m.exec(stdout)?.[1];
  if (exitCode === 0 && signer && /^\[GNUPG:\] GOODSIG /m.test(stdout)) return { signer };
  const missing = /^\[GNUPG:\] NO_PUBKEY /m.test(stdout);
  return {
    problem: missing ? "not by a trusted key" : "it does not match, or its key has expired",
  };
}

const lastLine = (text: string) => text.trim().split("\n").at(-1) ?? "";
