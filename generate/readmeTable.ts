import { withGenerated } from "./marked";
import { markdown, written } from "./prose";
import type { SettingRow } from "./tableOfSettings";

/** README.md with the table of settings between its two markers. */
export function readmeTable(readme: string, rows: readonly SettingRow[]): string {
  return withGenerated(readme, "README.md", "settings", [
    "| setting | default | meaning |",
    "|---|---|---|",
    ...rows.map((row) => `| \`${row.name}\` | ${shownDefault(row.default)} | ${markdown(row)} |`),
  ]);
}

function shownDefault(value: unknown): string {
  if (value === "" || written(value) === "{}") return "–";
  // a digest would make its column as wide as the page
  return `\`${written(value).replace(/(@sha256:.{12}).+/, "$1…")}\``;
}
