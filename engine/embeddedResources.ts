import { findBuilderBase, provideBuilderBase } from "../executors/builderBase";
import { inspectImage } from "../executors/images";
import type { Site } from "../executors/site";
import { EXIT } from "../host/failure";
import { stopIfInterrupted } from "../host/interrupt";
import { endOf, runProgram } from "../host/process";
import { projectFolder } from "../host/project";
import { stageKey } from "../plan/description";
import { invocationOf, MARKER } from "../plan/invocation";
import { checkQuestion, type StageCall } from "../plan/stages/call";
import { dockerBase, handImage } from "../plan/stages/questions";
import { observedStage, type StackPlan } from "../preview/stackPlan";
import { answerOf, claimResult, findResult } from "../run/answer";
import { claimBuilder } from "../run/claimBuilder";
import { openStore } from "../store/open";
import type { Roots } from "../store/roots";
import { buildDockerImage, type DockerImageInputs } from "./dockerImage";
import { type EngineRun, StepFailed } from "./events";
import { FAILURE_PREFIX } from "./failurePrefix";

/** How this process makes each type of resource that the program has. */

interface CommandInputs {
  /** In a preview not a string where the key in it is not known yet. */
  readonly create: string;
  readonly delete?: string;
  /** In a preview not a string where it depends on what is not known yet. */
  readonly stdin?: unknown;
  readonly environment?: Readonly<Record<string, string>>;
}

/** A run in this process. */
export interface EmbeddedRun extends EngineRun {
  /** What the stack uses; whose that is takes a while to find out. */
  readonly roots: Roots;
}

export type State = Record<string, unknown>;
/** Makes one type of resource; undefined means: not known in a preview. */
type Adapter = (inputs: never, name: string, run: EmbeddedRun) => Promise<State | undefined>;

/** By the type of resource. */
const ADAPTERS: Readonly<Record<string, Adapter>> = {
  "command:local:Command": runCommand,
  "docker:index/image:Image": buildImage,
};

/** @throws Error where only the Pulumi CLI can make the type */
export function adapterOf(type: string): Adapter {
  const adapter = ADAPTERS[type];
  if (adapter) return adapter;
  throw new Error(
    `the embedded engine cannot make a ${type}; it needs the Pulumi CLI ("./kragle doctor" says how to get it), or a setting without it`,
  );
}

async function runCommand(
  inputs: CommandInputs,
  name: string,
  run: EmbeddedRun,
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
export function stdinOf({ stdin }: Pick<CommandInputs, "stdin">): object | undefined {
  return typeof stdin === "string" && stdin.startsWith("{")
    ? (JSON.parse(stdin) as object)
    : undefined;
}

/** The answer of a stage whose result is in the store: in a run without changes, starting a process for each would take most of the time. */
async function answerInStore(
  inputs: CommandInputs,
  name: string,
  { site, plan, preview, roots }: EmbeddedRun,
): Promise<object | undefined> {
  const stage = invocationOf(inputs.create)?.stage;
  const given = stdinOf(inputs);
  const marker = inputs.environment?.[MARKER];
  if (!stage || !given) return undefined;
  if (stage === handImage.name) return plan.builder.hand?.marker ? undefined : { failed: null };
  if (stage === dockerBase.name) {
    const unused = preview || (plan.builder.marker ?? plan.builder.hand?.marker) === undefined;
    return presentBuilderBase(site, roots, given, marker, { preview, unused });
  }
  if (!("description" in given)) return undefined;
  const call = given as StageCall;
  const result =
    presentInPlan(plan, name, call) ?? (await findResult(openStore(site.home), call, marker));
  if (!result) return undefined;
  if (!preview) await claimResult(roots, call.root, result);
  return answerOf(result);
}

/** A result that the plan has just looked up and found whole. */
function presentInPlan(plan: StackPlan, root: string, { description }: StageCall) {
  const stage = observedStage(plan, root);
  return stage?.planned.key === stageKey(description) ? stage.observation.manifest : undefined;
}

/** The answer of the command that provides the Docker base, where the daemon has that image already. */
async function presentBuilderBase(
  site: Site,
  roots: Roots,
  given: object,
  marker: string | undefined,
  { preview, unused }: { readonly preview: boolean; readonly unused: boolean },
) {
  // with a marker the command itself has to run: it also notes that the builder is made again
  if (marker) return undefined;
  const request = checkQuestion(dockerBase, given);
  if (!(await findBuilderBase(site, request))) return undefined;
  const noted = (await roots.list()).get(request.root);
  // as the command would do, which the Pulumi CLI runs again for a changed builder
  if (!preview && noted?.key !== stageKey(request.builder)) await claimBuilder(roots, request);
  return provideBuilderBase(site, request, { print: () => undefined, unused });
}

/**
 * Runs a command of a resource in the project's folder.
 *
 * @returns what it printed
 * @throws StepFailed
 */
export async function shell(
  inputs: CommandInputs,
  name: string,
  run: EmbeddedRun,
): Promise<string> {
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
  run: EmbeddedRun,
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
