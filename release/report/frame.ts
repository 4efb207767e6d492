import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import { html, Html } from "./html";

const asset = (name: string) => readFileSync(join(__dirname, name), "utf8");

/** An element with exactly this text: a page's policy names its script by the digest, in which every byte counts. */
const element = (name: string, text: string) => new Html(`<${name}>${text}</${name}>`);

/**
 * A whole page that needs nothing but itself: nothing is fetched, and no script runs but its own, even if something had not been escaped.
 *
 * @param code name of its script beside this file; none for a page that needs none
 */
export function frame(title: string, body: Html, code?: string): string {
  const script = code && asset(code);
  const scripts = script
    ? `'sha256-${createHash("sha256").update(script).digest("base64")}'`
    : "'none'";
  const policy = `default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src ${scripts}`;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${policy}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <link rel="icon" href="data:," />
        <title>${title}</title>
        ${element("style", asset("style.css"))}
      </head>
      <body>
        ${body} ${script && element("script", script)}
      </body>
    </html> `;
  return page.text;
}
