import { EXIT, saysDiskIsFull, StageFailure } from "../../host/failure";
import { type Command, endOf, type ProcessOptions, runProgram } from "../../host/process";
import { NAMESPACE } from "../signing";

/** By whom the sums are signed, or why that is not known. */
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

export async function verifySsh({ keys, signature }: Evidence, sums: Uint8Array): Promise<Found> {
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

/** @param home a folder for GPG's own files */
export async function verifyGpg({ keys, signature, sums }: Evidence, home: string): Promise<Found> {
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
