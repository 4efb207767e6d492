import { isMap, isScalar, parseDocument } from "yaml";

import { plain } from "./prose";
import type { SettingRow } from "./tableOfSettings";

/** Pulumi.yaml with the settings as the project's configuration; the rest of it stays. */
export function projectConfig(project: string, rows: readonly SettingRow[]): string {
  // quoted where older readers of YAML would take text for something else, such as off
  const document = parseDocument(project, { compat: "yaml-1.1" });
  const config = rows.map((row) => [
    row.name,
    { ...pulumiType(row), default: row.default, description: plain(row) },
  ]);
  document.set("config", Object.fromEntries(config));
  const { contents } = document;
  const key = isMap(contents) && contents.items.find(({ key }) => String(key) === "config")?.key;
  if (isScalar(key)) key.commentBefore = ' written by "npm run generate" from settings/schema.ts';
  return document.toString({ lineWidth: 0 });
}

/** What the Pulumi CLI checks by itself, before the program starts. Lists of more than one kind it cannot, so they have no type. */
function pulumiType({ default: value, type }: SettingRow): object {
  // what is absent by default is empty text, which is no object
  if (value === "" && type.type === "object") return {};
  if (!Array.isArray(value)) {
    return { type: Number.isInteger(value) ? "integer" : typeof value };
  }
  const { type: of, anyOf } = type.items as { type?: string; anyOf?: { type: string }[] };
  const kinds = new Set(anyOf?.map(({ type }) => type));
  const items = of ?? (kinds.size === 1 ? [...kinds][0] : undefined);
  return items ? { type: "array", items: { type: items } } : {};
}
