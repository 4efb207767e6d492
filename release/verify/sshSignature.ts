import { judge } from "../../host/judge";
import type { Signature } from "../../host/openPgp";
import { type Command, lastLine } from "../../host/process";
import { NAMESPACE } from "../signing";

/** Paths of what ssh-keygen verifies. */
interface Evidence {
  readonly keys: string;
  readonly signature: string;
}

export async function verifySsh(
  { keys, signature }: Evidence,
  sums: Uint8Array,
): Promise<Signature> {
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
