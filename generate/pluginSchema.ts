import { readFileSync } from "node:fs";
import { join } from "node:path";

import { Analyzer } from "@pulumi/pulumi/provider/experimental/analyzer";
import { generateSchema } from "@pulumi/pulumi/provider/experimental/schema";

/** What a plugin says of itself that package.json says too. */
interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly description: string;
  readonly license: string;
}

/**
 * The schema of the plugin, from which the Pulumi CLI makes an SDK for each language: as the SDK's own host of components would find it in
 * the TypeScript of GoldenImage, with the descriptions of the types inside, which that leaves out.
 *
 * @param folder with package.json and plugin/
 */
export function pluginSchema(folder: string): string {
  const manifest = readFileSync(join(folder, "package.json"), "utf8");
  const { name, version, description, license } = JSON.parse(manifest) as Manifest;
  const entry = { name, version, main: "../infra/goldenImage.ts" };
  const analyzer = new Analyzer(join(folder, "plugin"), name, entry, new Set(["GoldenImage"]));
  const { components, typeDefinitions, dependencies } = analyzer.analyze();
  const schema = generateSchema(
    ...([name, version, description, components, typeDefinitions, dependencies] as const),
  );
  const said = new Map(TYPES.flatMap((file) => comments(readFileSync(join(folder, file), "utf8"))));
  const described = Object.entries(schema.types).map(([token, type]) => {
    const [, , called] = token.split(":");
    return [token, { ...type, description: said.get(called!) }] as const;
  });
  return JSON.stringify({ ...schema, license, types: Object.fromEntries(described) });
}

/** Where the types of arguments and outputs stand. */
const TYPES = ["infra/goldenImageArgs.ts", "infra/imageOutputs.ts", "plan/outputs.ts"];

/** What stands above the exported types of a file, by their names. */
const comments = (source: string): [string, string][] =>
  [...source.matchAll(/\/\*\*((?:(?!\*\/).)*)\*\/\s*export (?:interface|enum|const) (\w+)/gs)].map(
    ([, text, name]) => [name!, text!.replaceAll(/^ *\* ?/gm, "").trim()],
  );
