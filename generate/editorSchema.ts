import { plain } from "./prose";
import type { SettingRow } from "./tableOfSettings";

const encrypted = {
  type: "object",
  properties: { secure: { type: "string" } },
  required: ["secure"],
  additionalProperties: false,
};

/**
 * The JSON Schema of `Pulumi.<stack>.yaml`, by which editors complete and check it. Names of settings may stand with the project's
 * namespace or without any; other namespaces belong to providers.
 */
export function editorSchema(project: string, rows: readonly SettingRow[]): string {
  const definitions = rows.map((row) => [row.name, definition(row)]);
  const properties = [`${project}:`, ""].flatMap((namespace) =>
    rows.map(({ name }) => [`${namespace}${name}`, { $ref: `#/definitions/${name}` }]),
  );
  return JSON.stringify({
    $schema: "http://json-schema.org/draft-07/schema#",
    title: "A stack of kragle",
    type: "object",
    properties: {
      config: {
        type: ["object", "null"],
        properties: Object.fromEntries(properties) as object,
        patternProperties: { [`^(?!${project}:)[^:]+:`]: {} },
        additionalProperties: false,
      },
      // what the Pulumi CLI keeps there
      ...Object.fromEntries(
        ["secretsprovider", "encryptedkey", "encryptionsalt"].map((key) => [
          key,
          { type: "string" },
        ]),
      ),
      environment: {},
    },
    additionalProperties: false,
    definitions: { encrypted, ...(Object.fromEntries(definitions) as object) },
  });
}

function definition(row: SettingRow): object {
  const { type, examples, default: value } = row;
  return {
    description: plain(row),
    default: value,
    ...(examples.length > 0 ? { examples } : {}),
    anyOf: [type, ...alsoText(row), { $ref: "#/definitions/encrypted" }],
  };
}

/** The Pulumi CLI writes numbers and truth values as text when it changes a stack's file; empty text leaves a setting out. */
function alsoText({ default: value, type }: SettingRow): object[] {
  if (value === "") return [{ const: "" }];
  const kinds = [type, ...((type.anyOf ?? []) as { type?: unknown }[])].map((kind) => kind.type);
  if (kinds.includes("integer")) return [{ type: "string", pattern: "^[0-9]+$" }];
  return kinds.includes("boolean") ? [{ enum: ["true", "false"] }] : [];
}
