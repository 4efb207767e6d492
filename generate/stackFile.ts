import { stringify } from "yaml";

import { plain } from "./prose";
import type { SettingRow } from "./tableOfSettings";

const WIDTH = 100;

/**
 * A new stack's file: every setting with what it means. Those that are given stand as they are; the others behind a #, with their
 * default, or an example where there is none.
 *
 * @param project the project's name, which is the namespace of its settings
 * @param given values by the name of the setting
 */
export function stackFile(
  project: string,
  stack: string,
  rows: readonly SettingRow[],
  given: Readonly<Record<string, unknown>>,
): string {
  const intro = [
    `The stack ${stack}: "./kragle up -s ${stack}" makes its image.`,
    "Settings behind a # have their default, or are an example where there is none; take the # away to change one.",
  ];
  const settings = rows.map((row) => {
    const isGiven = Object.hasOwn(given, row.name);
    const value = isGiven ? given[row.name] : sample(row);
    const lines = stringify({ [`${project}:${row.name}`]: value }, { lineWidth: 0 }).trimEnd();
    return [
      ...wrapped(plain(row)).map((line) => `  # ${line}`),
      ...lines.split("\n").map((line) => `  ${isGiven ? "" : "# "}${line}`),
    ].join("\n");
  });
  return [
    "# yaml-language-server: $schema=infra/settings.schema.json",
    ...intro.flatMap(wrapped).map((line) => `# ${line}`),
    "config:",
    settings.join("\n\n"),
    "",
  ].join("\n");
}

/** The default; the first example of a setting that has none. */
function sample({ default: value, examples: [example] }: SettingRow): unknown {
  const isNone =
    value === "" || (typeof value === "object" && Object.keys(value ?? {}).length === 0);
  return isNone ? (example ?? value) : value;
}

/** Text in lines that fit behind a comment's sign. */
function wrapped(text: string): string[] {
  const lines = [""];
  for (const word of text.split(" ")) {
    const last = lines.at(-1)!;
    if (last !== "" && last.length + 1 + word.length > WIDTH - 4) lines.push(word);
    else lines[lines.length - 1] = last === "" ? word : `${last} ${word}`;
  }
  return lines;
}
