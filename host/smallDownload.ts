import { endOf, lastLine, runProgram } from "./process";

/** An address from which nothing came; the message says why, and has no part of the address that may be secret. */
export class Unreachable extends Error {}

/** Whether a place is an address and no path. */
export const isAddress = (place: string): boolean => /^https?:\/\//i.test(place);

/** The address without user, password and query, which may be secret. */
export function shownAddress(address: string): string {
  const { protocol, host, pathname } = new URL(address);
  return `${protocol}//${host}${pathname}`;
}

const SECONDS = { connect: 20, all: 60 };

/**
 * Downloads a small file. By curl, which knows this machine's proxies and whom it trusts, as this process does not.
 *
 * @param most bytes that it may have
 * @throws Unreachable where nothing came, or something else; ProgramMissing
 */
export async function downloadSmall(address: string, most: number): Promise<Buffer> {
  const pieces: Uint8Array[] = [];
  let bytes = 0;
  const options = [
    ...["--silent", "--show-error", "--fail", "--location", "--max-redirs", "5"],
    // braces and brackets of an address are its own
    "--globoff",
    ...["--proto", "=http,https", "--max-filesize", String(most)],
    ...["--connect-timeout", String(SECONDS.connect), "--max-time", String(SECONDS.all)],
  ];
  // not as an argument, which everybody can read: it may have a token
  const input = `url = "${address.replace(/[\\"]/g, "\\$&")}"\n`;
  const ended = await runProgram(["curl", ...options, "--config", "-"], {
    input,
    onOutput: (piece) => {
      bytes += piece.length;
      if (bytes <= most) pieces.push(piece);
    },
  });
  if (ended.exitCode !== 0) {
    const words = lastLine(ended.stderr).replace(/^curl: \(\d+\) /, "");
    throw new Unreachable(words || `curl ended by ${endOf(ended)}`);
  }
  if (bytes > most) throw new Unreachable(`it has more than ${most} bytes`);
  const content = Buffer.concat(pieces);
  const page = /^\s*<(?:!doctype\s+html|html)\b/i.test(content.toString("latin1", 0, 1024));
  if (page) throw new Unreachable("a web page came in its place; does one have to log in there?");
  return content;
}
