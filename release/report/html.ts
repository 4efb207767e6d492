import { printableLines } from "../../host/printable";

/** Text that is HTML already; whatever else gets into a page is escaped. */
export class Html {
  constructor(readonly text: string) {}
}

type Value = Html | string | number | null | undefined | false | readonly Value[];

/** A template of HTML: values are escaped, what turns the direction of writing too, except what is `Html` already; null, undefined and false leave nothing. */
export function html(parts: TemplateStringsArray, ...values: readonly Value[]): Html {
  return new Html(parts.reduce((text, part, i) => text + encode(values[i - 1]) + part));
}

function encode(value: Value): string {
  if (value instanceof Html) return value.text;
  if (value === null || value === undefined || value === false) return "";
  if (typeof value === "object") return value.map(encode).join("");
  const text = printableLines(String(value));
  return text.replace(/[&<>"']/g, (character) => `&#${character.charCodeAt(0)};`);
}

/** A point in time as people read it, in UTC: the page may be read anywhere. */
export const dateTime = (iso: string) =>
  html`<time datetime="${iso}">${iso.slice(0, 10)} ${iso.slice(11, 16)} UTC</time>`;

/** A digest that can be read in full by those who want to. */
export const digest = (sha256: string) =>
  html`<code class="digest" title="${sha256}"
    >${sha256.slice(0, 12)}<span>${sha256.slice(12)}</span></code
  >`;

/** A share as a percentage for CSS. */
export const percent = (share: number) => `${(Math.max(0, Math.min(1, share)) * 100).toFixed(2)}%`;
