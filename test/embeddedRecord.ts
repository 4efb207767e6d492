import { MockMonitor } from "@pulumi/pulumi/runtime/mocks";

import { readStackSettings } from "../cli/stackSettings";
import { runEmbedded } from "../engine/embedded";
import { makePlan } from "../preview/stackPlan";
import { parseStack } from "../settings/stack";
import { recordResources, type Registered } from "./mocks";
import { site } from "./site";
import { ownerOf } from "./stacks";

/**
 * A program for tests: runs a stack by the embedded engine and prints, as one line of JSON, the resources that it was asked for.
 * `node --require setup/loader.cjs test/embeddedRecord.ts STACK`
 */
async function main(stack: string): Promise<void> {
  const resources: Registered[] = [];
  recordResources(MockMonitor.prototype, resources);
  const { values: settings, secretNames, project } = readStackSettings(stack);
  const plan = await makePlan(site, parseStack(settings, stack), ownerOf(site.home, stack));
  await runEmbedded({
    ...{
      site,
      stack,
      project,
      plan,
      rebuild: [],
      parallel: Infinity,
      settings,
      secretNames,
      preview: false,
    },
    onEvent: () => undefined,
    signal: new AbortController().signal,
  });
  process.stdout.write(JSON.stringify(resources) + "\n", () => process.exit());
}

void main(process.argv[2]!);
