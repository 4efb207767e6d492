import { readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { format, resolveConfig } from "prettier";
import { parse } from "yaml";

import { packageFolder } from "../host/project";
import { argumentTypes } from "./argumentTypes";
import { editorSchema } from "./editorSchema";
import { platformTable } from "./platformTable";
import { pluginSchema } from "./pluginSchema";
import { projectConfig } from "./projectConfig";
import { readmeTable } from "./readmeTable";
import { tableOfSettings } from "./tableOfSettings";
import { templateSchema, templateTable } from "./templateFields";

/** Writes everything that follows from the table of settings, the fields of templates and the table of platforms; with --check it only says what is stale, by exit code 1. */
async function main(): Promise<void> {
  const stale: string[] = [];
  for await (const [name, text] of generated()) {
    if (text === read(name)) continue;
    stale.push(name);
    if (!process.argv.includes("--check")) writeFileSync(join(packageFolder, name), text);
  }
  if (!process.argv.includes("--check") || stale.length === 0) return;
  process.stderr.write(`stale: ${stale.join(", ")}; run "npm run generate"\n`);
  process.exitCode = 1;
}

/** Files by name, each with what it has to contain: one after the other, since some are made of what others contain. */
export async function* generated(): AsyncGenerator<readonly [string, string]> {
  const rows = tableOfSettings();
  const project = read("Pulumi.yaml");
  const { name } = parse(project) as { name: string };
  yield ["README.md", readmeTable(read("README.md"), rows)];
  yield ["Pulumi.yaml", await pretty("Pulumi.yaml", projectConfig(project, rows))];
  yield [ARGUMENTS, await pretty(ARGUMENTS, argumentTypes(rows))];
  yield [SCHEMA_FILE, await pretty(SCHEMA_FILE, editorSchema(name, rows))];
  yield [TEMPLATES_PAGE, templateTable(read(TEMPLATES_PAGE))];
  yield [PLATFORMS_PAGE, platformTable(read(PLATFORMS_PAGE))];
  // of the arguments, as they are now
  yield [PLUGIN_SCHEMA, await pretty(PLUGIN_SCHEMA, pluginSchema(packageFolder))];
  yield [TEMPLATE_SCHEMA, await pretty(TEMPLATE_SCHEMA, templateSchema())];
}

const ARGUMENTS = "infra/goldenImageArgs.ts";
const SCHEMA_FILE = "infra/settings.schema.json";
const PLUGIN_SCHEMA = "plugin/schema.json";
const TEMPLATE_SCHEMA = "infra/template.schema.json";
const PLATFORMS_PAGE = "docs/hypervisors.md";
const TEMPLATES_PAGE = "docs/templates.md";

function read(name: string): string {
  try {
    return readFileSync(join(packageFolder, name), "utf8");
  } catch {
    return "";
  }
}

async function pretty(name: string, text: string): Promise<string> {
  const filepath = join(packageFolder, name);
  return format(text, { ...(await resolveConfig(filepath)), filepath });
}

if (require.main === module) void main();
