import * as pulumi from "@pulumi/pulumi";
import type { MockResourceArgs, MockResourceResult } from "@pulumi/pulumi/runtime";

import { program } from "../infra/program";
import { dropsRoot, OWN_REACH } from "../plan/invocation";
import { imageOfRoot } from "../plan/roots";
import { Roots } from "../store/roots";
import { adapterOf, type EmbeddedRun, shell, type State, stdinOf } from "./embeddedResources";
import { type EngineRun, type Outputs, StepFailed } from "./events";
import { Slots } from "./slots";

/**
 * Runs the Pulumi program in this process, without the Pulumi CLI: the SDK's mock monitor awaits an asynchronous
 * `newResource`, so a resource is really made there, in dependency order. There is no state; the store makes it incremental.
 *
 * @returns the stack's outputs; in a preview undefined where something is not known yet
 * @throws StepFailed for the first step that failed, after the steps that were running have ended
 */
export async function runEmbedded(given: EngineRun): Promise<Outputs | undefined> {
  const run = { ...given, roots: Roots.of(given.site.home, given) };
  const claimed = new Set<string>();
  const slots = new Slots(run.parallel);
  // whose other stages cannot count any more
  const failed = new Set<string>();
  const failures: Error[] = [];
  const running = new Set<Promise<unknown>>();
  // resources that depend on a failed one reject, and nobody awaits those promises
  const onRejection = () => undefined;
  process.on("unhandledRejection", onRejection);

  const make = async (args: MockResourceArgs): Promise<MockResourceResult> => {
    const inputs = unwrap(args.inputs) as State;
    if (!args.custom) return { id: undefined, state: inputs };
    const adapter = adapterOf(args.type);
    const call = stdinOf(inputs);
    if (call && "root" in call) claimed.add(String(call.root));
    const image = imageOfRoot(args.name);
    const made = slots.run(async () => {
      if (image !== null && failed.has(image)) throw new Error("another stage of it has failed");
      return adapter(inputs as never, args.name, run).catch((error: Error) => {
        failures.push(error);
        if (image !== null) failed.add(image);
        run.onEvent({ kind: "failed", step: args.name, message: error.message });
        throw error;
      });
    });
    running.add(made);
    const state = await made;
    return { id: args.name, state: { ...inputs, ...state } };
  };

  try {
    await pulumi.runtime.setMocks(
      { newResource: make, call: ({ inputs }) => inputs as State },
      run.project,
      run.stack,
      run.preview,
    );
    pulumi.runtime.setAllConfig(
      Object.fromEntries(
        Object.entries(run.settings).map(([name, value]) => [
          `${run.project}:${name}`,
          typeof value === "string" ? value : JSON.stringify(value),
        ]),
      ),
      run.secretNames.map((name) => `${run.project}:${name}`),
    );
    const outputs = pulumi.runtime.runInPulumiStack(() =>
      program({ site: run.site, plan: run.plan, planIsShown: true }),
    ) as Promise<Outputs | undefined>;
    const result = await outputs.catch((error: Error) => void failures.push(error));
    await Promise.allSettled(running);
    await pulumi.runtime.disconnect().catch(() => undefined);
    if (failures.length > 0) {
      const first = failures.find((e) => e instanceof StepFailed);
      if (first) first.outputs = result ?? undefined;
      throw first ?? failures[0]!;
    }
    if (!run.preview && !run.plan.wanted) await dropUnclaimed(run, claimed);
    return result ?? undefined;
  } finally {
    // the SDK rejects some promises of its own a moment later, which would end the process
    setTimeout(() => process.off("unhandledRejection", onRejection), 50).unref();
  }
}

/** Resources that the program no longer has: the Pulumi CLI would delete them by the same command. */
async function dropUnclaimed(run: EmbeddedRun, claimed: ReadonlySet<string>): Promise<void> {
  for (const root of (await run.roots.list()).keys()) {
    if (!claimed.has(root))
      await shell({ create: dropsRoot(OWN_REACH.kragle, run, root) }, root, run);
  }
}

const SIGNATURE = "4dabf18193072939515e22adb298388d";

/** Takes the SDK's wrapping off secret inputs. */
function unwrap(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(unwrap);
  if (value === null || typeof value !== "object") return value;
  const entries = value as Record<string, unknown>;
  if (SIGNATURE in entries) return unwrap(entries.value);
  return Object.fromEntries(Object.entries(entries).map(([k, v]) => [k, unwrap(v)]));
}
