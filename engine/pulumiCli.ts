import { EXIT } from "../stages/failure";
import { type EngineRun, type Outputs, StepFailed } from "./events";
import { FAILURE_PREFIX } from "./failurePrefix";
import { keepStackFile } from "./pulumiBackend";
import { createStack, isUnknownStack, pulumi, type PulumiEvent } from "./pulumiProcess";

/**
 * Runs the Pulumi program by the real Pulumi CLI.
 *
 * @returns the stack's outputs; undefined for a preview
 * @throws StepFailed with the words of the first resource that failed
 */
export async function runPulumi(run: EngineRun): Promise<Outputs | undefined> {
  const restore = keepStackFile(run.stack);
  const listener = new EventTranslator(run);
  const { signal } = run;
  try {
    const verb = run.preview ? ["preview"] : ["up", "--yes", "--skip-preview"];
    const onEvent = (event: PulumiEvent) => listener.take(event);
    const go = () => pulumi([...verb, "--stack", run.stack], { onEvent, signal });
    let done = await go();
    // asking beforehand would cost every run the start of the CLI
    if (isUnknownStack(done.stderr)) {
      await createStack(run.stack);
      done = await go();
    }
    if (done.code !== 0) {
      throw listener.failure ?? new StepFailed("pulumi", ownError(done.stderr), EXIT.failed);
    }
    if (run.preview) return undefined;
    const outputs = await pulumi(["stack", "output", "--json", "--stack", run.stack], {});
    return JSON.parse(outputs.stdout) as Outputs;
  } finally {
    restore();
  }
}

/** Deletes the stack's resources by the Pulumi CLI; released files stay. */
export async function destroyPulumi(stack: string, onLine: (line: string) => void): Promise<void> {
  const restore = keepStackFile(stack);
  try {
    const done = await pulumi(["destroy", "--yes", "--skip-preview", "--stack", stack], { onLine });
    if (done.code !== 0) throw new StepFailed("pulumi", ownError(done.stderr), EXIT.failed);
  } finally {
    restore();
  }
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
    } else if (String(severity) !== "debug") {
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

/** The CLI's own words, without what it says besides. */
function ownError(stderr: string): string {
  const said = stderr.split("\n").filter((line) => line.startsWith("error: "));
  return said.length > 0
    ? [...new Set(said)].join("\n")
    : stderr.split("\n").slice(0, 12).join("\n");
}
