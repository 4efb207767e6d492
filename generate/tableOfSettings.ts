import { z } from "zod";

import { schema, SETTING_NAMES, type SettingName } from "../settings/schema";

type Json = Record<string, unknown>;

/** One setting as documents show it. */
export interface SettingRow {
  readonly name: SettingName;
  readonly default: unknown;
  /** Markdown, with links relative to README.md. */
  readonly description: string;
  readonly examples: readonly unknown[];
  /** JSON Schema (draft 7) of the values that people write. */
  readonly type: Json;
}

type Described = Pick<SettingRow, "description" | "examples">;

/** The table of settings as data, in its own order. */
export function tableOfSettings(): SettingRow[] {
  const { properties } = z.toJSONSchema(schema, {
    io: "input",
    target: "draft-7",
    // what a parser reads, such as a size, is text to an editor
    unrepresentable: "any",
  }) as { properties: Record<SettingName, Json> };
  return SETTING_NAMES.map((name) => {
    const { default: value, description: _, examples: __, ...type } = properties[name];
    // not from the JSON Schema: zod leaves examples out of it where a parser makes something else of the value
    const { description, examples } = schema.shape[name].meta() as Described;
    return { name, default: value, description, examples, type: withoutNull(type) };
  });
}

/** A setting that is left out is no null: the Pulumi CLI reads that as empty text. */
function withoutNull({ anyOf, type, ...rest }: Json): Json {
  if (Array.isArray(type)) return { type: type.find((name) => name !== "null") as string, ...rest };
  if (!Array.isArray(anyOf)) return { ...(type === undefined ? {} : { type }), ...rest };
  const others = (anyOf as Json[]).filter((choice) => choice.type !== "null");
  return others.length === 1 ? { ...others[0], ...rest } : { anyOf: others, ...rest };
}
