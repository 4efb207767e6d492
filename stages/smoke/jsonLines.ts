import { z } from "zod";

import { printable } from "../../host/printable";

/** Bytes of the longest line: an answer with what a program printed is base64, and nothing that is asked for prints so much. */
const LONGEST = 4 * 2 ** 20;

/** What QEMU's monitor or the guest's agent says in one line; "bad" is what neither of them says, in words. */
export type Message =
  | { readonly kind: "event"; readonly event: string; readonly data: Record<string, unknown> }
  | { readonly kind: "return"; readonly value: unknown }
  | { readonly kind: "error"; readonly words: string }
  | { readonly kind: "greeting" }
  | { readonly kind: "bad"; readonly words: string };

const object = z.record(z.string(), z.unknown());
const event = z.object({ event: z.string(), data: object.default({}) });
const refusal = z.object({ error: z.object({ desc: z.string() }) });

/** Cuts what comes from a socket into messages. Whatever a guest sends, no more than one line is held, and that is bounded. */
export class JsonLines {
  private pieces: Buffer[] = [];
  private bytes = 0;

  constructor(private readonly onMessage: (message: Message) => void) {}

  write(chunk: Buffer): void {
    let rest = chunk;
    for (let end = rest.indexOf(10); end >= 0; end = rest.indexOf(10)) {
      this.hold(rest.subarray(0, end));
      this.tell();
      rest = rest.subarray(end + 1);
    }
    this.hold(rest);
  }

  private hold(piece: Buffer): void {
    this.bytes += piece.length;
    if (this.bytes > LONGEST) this.pieces = [];
    else if (piece.length > 0) this.pieces.push(piece);
  }

  private tell(): void {
    const tooLong = this.bytes > LONGEST;
    const line = Buffer.concat(this.pieces);
    this.pieces = [];
    this.bytes = 0;
    if (tooLong) this.onMessage({ kind: "bad", words: `a line of more than ${LONGEST} bytes` });
    else if (line.length > 0) this.onMessage(readMessage(line));
  }
}

/** One line as a message; of what is none the beginning is told. */
export function readMessage(line: Buffer): Message {
  // the agent's answer to guest-sync-delimited begins with this byte, which is no text
  const text = line
    .subarray(line[0] === 0xff ? 1 : 0)
    .toString()
    .trim();
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return { kind: "bad", words: shorten(text) };
  }
  const said = object.safeParse(value).data ?? {};
  const happened = event.safeParse(said);
  if (happened.success) return { kind: "event", ...happened.data };
  if ("return" in said) return { kind: "return", value: said.return };
  if ("error" in said) {
    const words = refusal.safeParse(said).data?.error.desc;
    return { kind: "error", words: words ?? `an error without words: ${shorten(text)}` };
  }
  return "QMP" in said ? { kind: "greeting" } : { kind: "bad", words: shorten(text) };
}

/**
 * What an answer is to be.
 *
 * @throws Error with the beginning of an answer that is something else
 */
export function answered<T>(schema: z.ZodType<T>, command: string, answer: unknown): T {
  const checked = schema.safeParse(answer);
  if (checked.success) return checked.data;
  throw new Error(`${command} was answered with ${shorten(JSON.stringify(answer))}`);
}

const SHOWN = 100;

/** In quotes, on one line, and in characters that no terminal obeys. */
const shorten = (text: string | undefined): string =>
  printable(JSON.stringify((text ?? "nothing").slice(0, SHOWN)));
