import { stringify } from "yaml";

import type { SettingRow } from "./tableOfSettings";

/** A value as it is written in a stack's file. */
export const written = (value: unknown) =>
  typeof value === "string"
    ? value
    : stringify(value, { collectionStyle: "flow", flowCollectionPadding: false, lineWidth: 0 })
        .trim()
        // a long collection is written in lines
        .replace(/(?<=[[{])\n\s*|\n\s*(?=[\]}])/g, "")
        .replace(/\s*\n\s*/g, " ");

/** The description of a setting in Markdown, with its bounds and examples. */
export function markdown({ description, examples, type }: SettingRow): string {
  const { minimum, maximum } = type;
  const bounds = minimum === undefined ? "" : `; ${Number(minimum)} to ${Number(maximum)}`;
  const such = examples.map((value) => `\`${written(value)}\``).join(" or ");
  return `${description}${bounds}${such && `; such as ${such}`}`;
}

/** The same for places that show text as it is: the target of a link stands in its place. */
export const plain = (row: SettingRow) =>
  markdown(row)
    .replace(/\[[^\]]*\]\(([^)]*)\)/g, "$1")
    .replaceAll("`", "");
