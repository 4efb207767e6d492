import * as pulumi from "@pulumi/pulumi";
import type { MockResourceArgs, MockResourceResult } from "@pulumi/pulumi/runtime";

import type { Site } from "../executors/site";
import type { FullPlan } from "../infra/plan";
import { program } from "../infra/program";
import { stageKey } from "../plan/description";
import { MARKER, stageOf } from "../plan/invocation";
import { checkQuestion, type StageCall } from "../plan/stages/call";
import { dockerBase, handImage } from "../plan/stages/questions";
import { inspectImage } from "../executors/images";
import { findBuilderBase, provideBuilderBase } from "../executors/builderBase";
import { claimBuilder } from "../run/claimBuilder";
import { EXIT } from "../host/failure";
import { stopIfInterrupted } from "../host/interrupt";
import { endOf, runProgram } from "../host/process";
import { projectFolder } from "../host/project";
import { openStore } from "../store/open";
import { answerOf, claimResult, findResult } from "../run/answer";
import { Roots } from "../store/roots";
import { buildDockerImage, type DockerImageInputs } from "./dockerImage";
import { type EngineRun, type Outputs, StepFailed } from "./events";
import { FAILURE_PREFIX } from "./failurePrefix";

interface CommandInputs {
  readonly create: string;
  readonly delete?: string;
  /** In a preview not a string where it depends on what is not known yet. */
  readonly stdin?: unknown;
  readonly environment?: Readonly<Record<string, string>>;
}

type State = Record<string, unknown>;
/** Makes one type of resource; undefined means: not known in a preview. */
type Adapter = (inputs: never, name: string, run: EngineRun) => Promise<State | undefined>;

/**
 * Runs the Pulumi program in this process, without the Pulumi CLI: the SDK's mock monitor awaits an asynchronous
 * `newResource`, so a resource is really made there, in dependency order. There is no state; the store makes it incremental.
 *
 * @returns the stack's outputs; in a preview undefined where something is not known yet
 * @throws StepFailed for the first step that failed, after the steps that were running have ended
 */
export async function runEmbedded(run: EngineRun): Promise<Outputs | undefined> {
  const claimed = new Set<string>();
  const failures: Error[] = [];
  const running = new Set<Promise<unknown>>();
  // resources that depend on a failed one reject, and nobody awaits those promises
  const onRejection = () => undefined;
  process.on("unhandledRejection", onRejection);

  const make = async (args: MockResourceArgs): Promise<MockResourceResult> => {
    const inputs = unwrap(args.inputs) as State;
    if (!args.custom) return { id: undefined, state: inputs };
    const adapter = ADAPTERS[args.type];
    if (!adapter) throw new Error(unsupported(args.type));
    const call = stdinOf(inputs as unknown as CommandInputs);
    if (call && "root" in call) claimed.add(String(call.root));
    const made = adapter(inputs as never, args.name, run).catch((error: Error) => {
      failures.push(error);
      run.onEvent({ kind: "failed", step: args.name, message: error.message });
      throw error;
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
    if (failures.length > 0) throw failures.find((e) => e instanceof StepFailed) ?? failures[0]!;
    if (!run.preview) await dropUnclaimed(Roots.of(run.site.home, run), claimed);
    return result ?? undefined;
  } finally {
    // the SDK rejects some promises of its own a moment later, which would end the process
    setTimeout(() => process.off("unhandledRejection", onRejection), 50).unref();
  }
}

const ADAPTERS: Readonly<Record<string, Adapter>> = {
  "command:local:Command": runCommand,
  "docker:index/image:Image": buildImage,
};

const unsupported = (type: string) =>
  `the embedded engine cannot make a ${type}; it needs the Pulumi CLI ("./kragle doctor" says how to get it), or a setting without it`;

async function runCommand(
  inputs: CommandInputs,
  name: string,
  run: EngineRun,
): Promise<State | undefined> {
  const found = await answerInStore(inputs, name, run);
  if (found) {
    run.onEvent({ kind: "done", step: name, from: "store" });
    return { stdout: JSON.stringify(found), stderr: "" };
  }
  if (run.preview) return undefined;
  stopIfInterrupted(run.signal);
  run.onEvent({ kind: "start", step: name });
  const stdout = await shell(inputs, name, run);
  run.onEvent({ kind: "done", step: name, from: "run" });
  return { stdout, stderr: "" };
}

/** The line of JSON on a command's stdin; undefined where there is none, or a part of it is not known yet. */
function stdinOf({ stdin }: CommandInputs): object | undefined {
  return typeof stdin === "string" && stdin.startsWith("{")
    ? (JSON.parse(stdin) as object)
    : undefined;
}

/** The answer of a stage whose result is in the store: in a run without changes, starting a process for each would take most of the time. */
async function answerInStore(
  inputs: CommandInputs,
  name: string,
  { site, plan, preview }: EngineRun,
): Promise<object | undefined> {
  const stage = stageOf(inputs.create);
  const given = stdinOf(inputs);
  const marker = inputs.environment?.[MARKER];
  if (!stage || !given) return undefined;
  if (stage === handImage.name) return plan.tools.handMarker ? undefined : { failed: null };
  if (stage === dockerBase.name) return presentBuilderBase(site, given, marker, preview);
  if (!("description" in given)) return undefined;
  const call = given as StageCall;
  const result =
    presentInPlan(plan, name, call) ?? (await findResult(openStore(site.home), call, marker));
  if (!result) return undefined;
  if (!preview) await claimResult(Roots.of(site.home, call), call.root, result);
  return answerOf(result);
}

/** A result that the plan has just looked up and found whole. */
function presentInPlan({ observed }: FullPlan, root: string, { description }: StageCall) {
  const stage = observed.get(root);
  return stage?.planned.key === stageKey(description) ? stage.observation.manifest : undefined;
}

/** The answer of the command that provides the Docker base, where the daemon has that image already. */
async function presentBuilderBase(
  site: Site,
  given: object,
  marker: string | undefined,
  preview: boolean,
) {
  // with a marker the command itself has to run: it also notes that the builder is made again
  if (marker) return undefined;
  const request = checkQuestion(dockerBase, given);
  if (!(await findBuilderBase(site, request))) return undefined;
  const roots = Roots.of(site.home, request);
  const noted = (await roots.list()).get(request.root);
  // as the command would do, which the Pulumi CLI runs again for a changed builder
  if (!preview && noted?.key !== stageKey(request.builder)) await claimBuilder(roots, request);
  return provideBuilderBase(site, request, { print: () => undefined });
}

async function shell(inputs: CommandInputs, name: string, run: EngineRun): Promise<string> {
  const failure: string[] = [];
  const ended = await runProgram(["/bin/sh", "-c", inputs.create], {
    cwd: projectFolder,
    env: inputs.environment,
    locale: "user",
    input: typeof inputs.stdin === "string" ? inputs.stdin : "",
    signal: run.signal,
    onLine: (text, stream) => {
      if (stream === "stdout") return;
      if (text.startsWith(FAILURE_PREFIX)) failure.push(text.slice(FAILURE_PREFIX.length));
      else run.onEvent({ kind: "line", step: name, text });
    },
  });
  if (ended.exitCode === 0) return ended.stdout.trim();
  const message = failure.join("\n") || `${name} ended by ${endOf(ended)}`;
  throw new StepFailed(name, message, ended.exitCode ?? EXIT.failed);
}

async function buildImage(
  inputs: DockerImageInputs,
  name: string,
  run: EngineRun,
): Promise<State | undefined> {
  const outputs = (id: string) => ({ repoDigest: id, baseImageName: inputs.imageName });
  // the tag contains the builder's key: what bears it was built of just these inputs
  const present = await inspectImage(run.site, inputs.imageName).catch(() => undefined);
  if (present) {
    run.onEvent({ kind: "done", step: name, from: "store" });
    return outputs(present.id);
  }
  if (run.preview) return undefined;
  stopIfInterrupted(run.signal);
  run.onEvent({ kind: "start", step: name });
  const id = await buildDockerImage(
    run.site,
    inputs,
    (text) => run.onEvent({ kind: "line", step: name, text }),
    run.signal,
  );
  run.onEvent({ kind: "done", step: name, from: "run" });
  return outputs(id);
}

/** Resources that the program no longer has: the Pulumi CLI would delete them, and their delete drops the root. */
async function dropUnclaimed(roots: Roots, claimed: ReadonlySet<string>): Promise<void> {
  for (const root of (await roots.list()).keys()) {
    if (!claimed.has(root)) await roots.drop(root);
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
