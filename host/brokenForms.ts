import { encoded } from "./encodedForms";
import { plainly } from "./secretForms";
import { type Gap, sticky, stepOf, textAt, type Unit, type Way } from "./spelling";

/** Stretches of a form. Fewer at a line's end stand there by chance, and are let go: then the next line has at least so many others. */
const FEW = { begun: 4, left: 8 };

const BROKEN: Gap = { sources: ["\\r?\\n"], begins: ["\n", "\r\n"], longest: 2 };

/** In a line after a part of a secret that goes on in the next one: the text column of a dump, a quote, a comma, a backslash. */
const lineEnd = sticky(`(?:\\x20{2,60}[^\\r\\n]{1,18}|["']?,?[\\x20\\x5c]{0,2})$`);

/**
 * For texts that are looked through line by line: the ways of a secret that goes on in the next line, wherever it was cut: as it stands,
 * in base64, in numbers.
 */
export function brokenWays(text: string, unit: Unit): Way[] {
  const plain: Way = { form: "plain", parts: plainly(text, unit), between: BROKEN };
  const late = [plain, ...encoded(Buffer.from(text))].flatMap((way) =>
    [1, 2, 3].map((count) => ({ ...way, parts: way.parts.slice(count) })),
  );
  return [plain, ...late.filter(({ parts }) => parts.length >= FEW.left)];
}

/** Whether a text, from there on, is the first part of the way and nothing else. */
export function endsTextOf({ parts, between }: Way): (text: string, at: number) => boolean {
  const step = stepOf(between ?? BROKEN);
  return (text, at) => {
    let end = textAt(text, at, parts[0]!);
    for (let index = 1; end >= 0 && index < parts.length; index++) {
      if (index >= FEW.begun && lineEnd(text, end) >= 0) return true;
      end = step(text, end, parts[index]!);
    }
    return false;
  };
}
