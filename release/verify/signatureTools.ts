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

const UNTRUSTED = "not by a trusted key";

/** What GPG says of a signature that is not good, some of it with exit code 0, in our words. */
const GPG_PROBLEMS: Readonly<Record<string, string>> = {
  NO_PUBKEY: UNTRUSTED,
  BADSIG: "it does not match",
  REVKEYSIG: "its key was revoked",
  EXPKEYSIG: "its key has expired",
  EXPSIG: "it has expired",
};

/** MD5, SHA-1 and RIPEMD-160, as OpenPGP numbers them (RFC 4880, 9.4): two texts of one digest can be had, or nearly so. */
const WEAK_DIGESTS = ["1", "2", "3"];

/** @param home a folder for GPG's own files */
export async function verifyGpg({ keys, signature, sums }: Evidence, home: string): Promise<Found> {
  const options = ["--batch", "--no-tty", "--no-autostart", "--homedir", home, "--status-fd", "1"];
  const imported = await judge(["gpg", ...options, "--import", keys]);
  if (imported.exitCode !== 0) return { problem: `the keys: ${lastLine(imported.stderr)}` };
  const trusted = gpgStatus(imported.stdout)
    .filter(({ word }) => word === "IMPORT_OK")
    .map(({ fields }) => fields[1]);
  const verified = await judge(["gpg", ...options, "--verify", signature, sums]);
  const { exitCode, stdout, stderr } = verified;
  const said = gpgStatus(stdout);
  const wrong = said.find(({ word }) => GPG_PROBLEMS[word]);
  if (wrong) return { problem: GPG_PROBLEMS[wrong.word]! };
  const valid = said.filter(({ word }) => word === "VALIDSIG").map(({ fields }) => fields);
  const good = said.filter(({ word }) => word === "GOODSIG").length;
  const signer = valid[0]?.at(-1);
  if (exitCode !== 0 || !signer || good !== valid.length) {
    return { problem: lastLine(stderr) || "it does not match" };
  }
  // this machine's gpg.conf may have keys fetched, or taken from the signature itself
  if (!valid.every((fields) => trusted.includes(fields.at(-1)))) {
    return { problem: UNTRUSTED };
  }
  const weak = valid.some((fields) => WEAK_DIGESTS.includes(fields[7]!));
  return weak ? { problem: "its digest is one that can be forged, such as SHA-1" } : { signer };
}

/** The lines for programs among what GPG printed: doc/DETAILS, "Format of the --status-fd output". */
const gpgStatus = (printed: string) =>
  [...printed.matchAll(/^\[GNUPG:\] (\w+) ?(.*)$/gm)].map(([, word = "", fields = ""]) => ({
    word,
    fields: fields.split(" "),
  }));

const lastLine = (text: string) => text.trim().split("\n").at(-1) ?? "";
