import { markdown, written } from "./prose";
import type { SettingRow } from "./tableOfSettings";

const START = "<!-- settings: written by npm run generate -->";
const END = "<!-- end of settings -->";

/** README.md with the table of settings between its two markers. */
export function readmeTable(readme: string, rows: readonly SettingRow[]): string {
  const [before, rest] = split(readme, START);
  const [, after] = split(rest, END);
  const table = [
    "| setting | default | meaning |",
    "|---|---|---|",
    ...rows.map((row) => `| \`${row.name}\` | ${shownDefault(row.default)} | ${markdown(row)} |`),
  ];
  return [before + START, "", ...table, "", END + after].join("\n");
}

function shownDefault(value: unknown): string {
  if (value === "" || written(value) === "{}") return "–";
  // a digest would make its column as wide as the page
  return `\`${written(value).replace(/(@sha256:.{12}).+/, "$1…")}\``;
}

function split(text: string, marker: string): [string, string] {
  const at = text.indexOf(marker);
  if (at < 0) throw new Error(`README.md lacks the line ${marker}`);
  return [text.slice(0, at), text.slice(at + marker.length)];
}
