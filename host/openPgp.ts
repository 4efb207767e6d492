import { judge } from "./judge";
import { type Command, lastLine } from "./process";

/** By whom something is signed, or why that is not known. */
export type Signature = { readonly signer: string } | { readonly problem: string };

/** A file of keys that are trusted. */
export interface TrustedKeys {
  readonly path: string;
  /** The one of its keys that is, 40 or more capital hexadecimal digits; all of them where none is given. */
  readonly fingerprint?: string;
}

const UNTRUSTED = "not by a trusted key";

/** What GPG says of a signature that is not good, some of it with exit code 0, in our words. */
const PROBLEMS: Readonly<Record<string, string>> = {
  NO_PUBKEY: UNTRUSTED,
  BADSIG: "it does not match",
  REVKEYSIG: "its key was revoked",
  EXPKEYSIG: "its key has expired",
  EXPSIG: "it has expired",
};

/** MD5, SHA-1 and RIPEMD-160, as OpenPGP numbers them (RFC 4880, 9.4): two texts of one digest can be had, or nearly so. */
const WEAK_DIGESTS = ["1", "2", "3"];

/** Bytes of a text that is signed within its own file; what is compressed there may be without end. */
const LONGEST_TEXT = 16 * 2 ** 20;

/**
 * Verifies a signature that lies in a file of its own.
 *
 * @param keys all that are trusted, and nobody else is
 * @param home an empty folder for GPG's own files
 * @returns the fingerprint of the signer's primary key
 */
export function verifyDetached(
  {
    keys,
    signature,
    data,
  }: {
    readonly keys: readonly TrustedKeys[];
    readonly signature: string;
    readonly data: string;
  },
  home: string,
): Promise<Signature> {
  return verify(keys, home, ["--verify", signature, data]);
}

/** The same of a text that has its signature around it; what was signed is written as the file `text`, and nothing else is to be read. */
export function verifyInline(
  {
    keys,
    message,
    text,
  }: {
    readonly keys: readonly TrustedKeys[];
    readonly message: string;
    readonly text: string;
  },
  home: string,
): Promise<Signature> {
  const limit = ["--max-output", String(LONGEST_TEXT)];
  return verify(keys, home, [...limit, "--output", text, "--decrypt", message]);
}

async function verify(
  keys: readonly TrustedKeys[],
  home: string,
  how: readonly string[],
): Promise<Signature> {
  const options = ["--batch", "--no-tty", "--no-autostart", "--homedir", home, "--status-fd", "1"];
  const gpg: Command = ["gpg", ...options];
  const trusted = await importKeys(gpg, keys);
  if ("problem" in trusted) return trusted;
  const { exitCode, stdout, stderr } = await judge([...gpg, ...how]);
  const said = statusOf(stdout);
  const wrong = said.find(({ word }) => PROBLEMS[word]);
  if (wrong) return { problem: PROBLEMS[wrong.word]! };
  const valid = said.filter(({ word }) => word === "VALIDSIG").map(({ fields }) => fields);
  const good = said.filter(({ word }) => word === "GOODSIG").length;
  const signer = valid[0]?.at(-1);
  if (exitCode !== 0 || !signer || good !== valid.length) {
    return { problem: lastLine(stderr) || "it does not match" };
  }
  // this machine's gpg.conf may have keys fetched, or taken from the signature itself
  if (!valid.every((fields) => trusted.fingerprints.includes(fields.at(-1)!))) {
    return { problem: UNTRUSTED };
  }
  const weak = valid.some((fields) => WEAK_DIGESTS.includes(fields[7]!));
  return weak ? { problem: "its digest is one that can be forged, such as SHA-1" } : { signer };
}

/** The fingerprints of the primary keys that are trusted, of those that the files have. */
async function importKeys(
  gpg: Command,
  keys: readonly TrustedKeys[],
): Promise<{ readonly fingerprints: string[] } | { readonly problem: string }> {
  const fingerprints: string[] = [];
  for (const { path, fingerprint } of keys) {
    const imported = await judge([...gpg, "--import", path]);
    if (imported.exitCode !== 0) return { problem: `the keys: ${lastLine(imported.stderr)}` };
    const found = statusOf(imported.stdout)
      .filter(({ word }) => word === "IMPORT_OK")
      .map(({ fields }) => fields[1]!);
    if (fingerprint !== undefined && !found.includes(fingerprint)) {
      const others = found.join(", ") || "none";
      return { problem: `the keys: ${fingerprint} is not one of the file's, which are ${others}` };
    }
    fingerprints.push(...(fingerprint === undefined ? found : [fingerprint]));
  }
  return { fingerprints };
}

/** The lines for programs among what GPG printed: doc/DETAILS, "Format of the --status-fd output". */
const statusOf = (printed: string) =>
  [...printed.matchAll(/^\[GNUPG:\] (\w+) ?(.*)$/gm)].map(([, word = "", fields = ""]) => ({
    word,
    fields: fields.split(" "),
  }));
