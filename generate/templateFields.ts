import { z } from "zod";

import { TEMPLATE_FIELDS } from "../settings/templateFile";
import { withGenerated } from "./marked";
import { written } from "./prose";

interface Field {
  readonly description?: string;
  readonly default?: unknown;
  readonly properties?: Readonly<Record<string, Field>>;
  readonly required?: readonly string[];
}

const jsonSchema = (schema: z.ZodType) =>
  z.toJSONSchema(schema, { io: "input", target: "draft-7", unrepresentable: "any" });

/** The JSON Schema of a template.json, by which editors complete and check it. */
export const templateSchema = (): string =>
  JSON.stringify({
    ...jsonSchema(z.union(Object.values(TEMPLATE_FIELDS))),
    title: "A template of kragle",
  });

/** docs/templates.md with the table of a template.json's fields between its two markers. */
export function templateTable(page: string): string {
  const tables = Object.entries(TEMPLATE_FIELDS).map(
    ([kind, schema]) => [kind, new Map(rows(jsonSchema(schema) as Field))] as const,
  );
  const names = new Set(tables.flatMap(([, fields]) => [...fields.keys()]));
  const lines = [...names].map((name) => {
    const where = tables.filter(([, fields]) => fields.has(name));
    const { needed, field } = where[0]![1].get(name)!;
    const value = needed ? "needed" : field.default === undefined ? "–" : shown(field.default);
    const install = name === "install" ? "" : where.length === 1 ? `\`${where[0]![0]}\`` : "";
    return `| \`${name}\` | ${install} | ${value} | ${field.description} |`;
  });
  return withGenerated(page, "docs/templates.md", "fields", [
    "| field | with `install` | default | meaning |",
    "|---|---|---|---|",
    ...lines,
  ]);
}

const shown = (value: unknown) => `\`${written(value)}\``;

interface Row {
  readonly needed: boolean;
  readonly field: Field;
}

/** The fields of an object and of those in it, by their names with points. */
const rows = ({ properties = {}, required = [] }: Field, before = ""): [string, Row][] =>
  Object.entries(properties).flatMap(([name, field]): [string, Row][] =>
    field.properties
      ? rows(field, `${before}${name}.`)
      : [[before + name, { needed: required.includes(name), field }]],
  );
