import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { homedir } from "node:os";
import { join } from "node:path";

import type { EngineEvent as PulumiEvent, Stack } from "@pulumi/pulumi/automation";

import { EXIT } from "../stages/failure";
import { kragleHome, projectFolder } from "../stages/project";
import { type EngineRun, type Outputs, StepFailed } from "./events";
import { FAILURE_PREFIX } from "./failurePrefix";

/**
 * Runs the Pulumi program by the real Pulumi CLI.
 *
 * @returns the stack's outputs; undefined for a preview
 * @throws StepFailed with the words of the first resource that failed
 */
export async function runPulumi(run: EngineRun): Promise<Outputs | undefined> {
  const restore = keepStackFile(run.stack);
  const stack = await openStack(run.stack, true);
  const listener = new EventTranslator(run);
  const onEvent = (event: PulumiEvent) => listener.take(event);
  const cancel = () => void stack.cancel().catch(() => undefined);
  run.signal.addEventListener("abort", cancel);
  try {
    if (run.preview) {
      await stack.preview({ onEvent });
      return undefined;
    }
    const { outputs } = await stack.up({ onEvent });
    return Object.fromEntries(Object.entries(outputs).map(([name, { value }]) => [name, value]));
  } catch (error) {
    throw listener.failure ?? new StepFailed("pulumi", ownError(error as Error), EXIT.failed);
  } finally {
    run.signal.removeEventListener("abort", cancel);
    restore();
  }
}

/** Deletes the stack's resources by the Pulumi CLI; released files stay. */
export async function destroyPulumi(
  stackName: string,
  onLine: (line: string) => void,
): Promise<void> {
  const restore = keepStackFile(stackName);
  try {
    const stack = await openStack(stackName, false);
    await stack.destroy({ onOutput: (text) => text.split("\n").filter(Boolean).forEach(onLine) });
  } finally {
    restore();
  }
}

async function openStack(stackName: string, create: boolean): Promise<Stack> {
  const { LocalWorkspace } = await import("@pulumi/pulumi/automation");
  const where = { stackName, workDir: projectFolder };
  const options = { envVars: backendEnvironment() };
  return create
    ? LocalWorkspace.createOrSelectStack(where, options)
    : LocalWorkspace.selectStack(where, options);
}

/** Whether no backend was chosen: kragle then keeps the state in a folder of its own. */
const hasOwnBackend = () => !process.env.PULUMI_BACKEND_URL && !isLoggedIn();

/** A local file backend below `.kragle`, unless the user has configured one or is logged in somewhere. */
function backendEnvironment(): Record<string, string> {
  const environment: Record<string, string> = { PULUMI_SKIP_UPDATE_CHECK: "true" };
  if (!hasOwnBackend()) return environment;
  const folder = join(kragleHome, "state");
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  environment.PULUMI_BACKEND_URL = `file://${folder}`;
  if (!process.env.PULUMI_CONFIG_PASSPHRASE_FILE) {
    // a passphrase that lay beside the state would protect nothing that the folder's mode does not
    environment.PULUMI_CONFIG_PASSPHRASE = process.env.PULUMI_CONFIG_PASSPHRASE ?? "";
  }
  return environment;
}

/**
 * The CLI writes the salt of its passphrase into the stack's file. With kragle's own backend that would make a tracked file
 * differ after the first run, for a salt that no other machine can use.
 *
 * @returns the function that takes the salt out again, if the file had none
 */
function keepStackFile(stack: string): () => void {
  const file = join(projectFolder, `Pulumi.${stack}.yaml`);
  const before = readFileSync(file, "utf8");
  return () => {
    const salt = /^encryptionsalt: .*\n/m;
    if (!hasOwnBackend() || salt.test(before)) return;
    const now = readFileSync(file, "utf8");
    if (now.replace(salt, "") === before) writeFileSync(file, before);
  };
}

function isLoggedIn(): boolean {
  const file = join(process.env.PULUMI_HOME ?? join(homedir(), ".pulumi"), "credentials.json");
  if (!existsSync(file)) return false;
  const { current } = JSON.parse(readFileSync(file, "utf8")) as { current?: string };
  return Boolean(current);
}

const COLOR = /<\{%[^%]*%\}>/g;

/** Turns the engine's events into kragle's, and keeps the words of the first failure. */
class EventTranslator {
  failure: StepFailed | undefined;

  constructor(private readonly run: EngineRun) {}

  take(event: PulumiEvent): void {
    const { onEvent } = this.run;
    const { resourcePreEvent, resOutputsEvent, resOpFailedEvent, diagnosticEvent } = event;
    if (resourcePreEvent && isWork(resourcePreEvent.metadata.type)) {
      const { op, urn } = resourcePreEvent.metadata;
      if (String(op) !== "same" && !this.run.preview) onEvent({ kind: "start", step: stepOf(urn) });
    }
    if (resOutputsEvent && isWork(resOutputsEvent.metadata.type)) {
      const { op, urn } = resOutputsEvent.metadata;
      const from = String(op) === "same" ? "unchanged" : "run";
      if (!String(op).startsWith("delete")) onEvent({ kind: "done", step: stepOf(urn), from });
    }
    if (diagnosticEvent) this.diagnostic(diagnosticEvent);
    if (resOpFailedEvent) {
      const step = stepOf(resOpFailedEvent.metadata.urn);
      this.failure ??= new StepFailed(step, `${step} failed`, EXIT.failed);
      onEvent({ kind: "failed", step, message: this.failure.message });
    }
  }

  private diagnostic({
    urn,
    message,
    severity,
    ephemeral,
  }: NonNullable<PulumiEvent["diagnosticEvent"]>) {
    const text = message.replace(COLOR, "").trimEnd();
    if (!text) return;
    const step = urn ? stepOf(urn) : "";
    if (severity === "error") {
      const words = ownWords(text);
      this.failure ??= new StepFailed(step, words.text, words.exitCode);
    } else if (ephemeral && step) {
      for (const line of text.split("\n")) this.run.onEvent({ kind: "line", step, text: line });
    } else {
      this.run.onEvent({ kind: "note", text });
    }
  }
}

/** A failed command's error carries the stage's own message, behind the command's text and exit status. */
function ownWords(text: string): { text: string; exitCode: number } {
  const status = /exit status (\d+)/.exec(text);
  const lines = text
    .split("\n")
    .filter((line) => line.startsWith(FAILURE_PREFIX))
    .map((line) => line.slice(FAILURE_PREFIX.length));
  return {
    text: lines.length ? lines.join("\n") : text,
    exitCode: status ? Number(status[1]) : EXIT.failed,
  };
}

const isWork = (type: string) => type.startsWith("command:") || type.startsWith("docker:");
const stepOf = (urn: string) => urn.split("::").at(-1)!;

/** The CLI's own words, without those of the library that started it. */
function ownError({ message }: Error): string {
  const said = message.split("\n").filter((line) => line.startsWith("error: "));
  return said.length > 0
    ? [...new Set(said)].join("\n")
    : message.split("\n").slice(0, 12).join("\n");
}
