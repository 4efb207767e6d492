import { EXIT } from "../host/failure";
import { type EngineRun, type Outputs, StepFailed } from "./events";
import { FAILURE_PREFIX } from "./failurePrefix";
import type { PulumiEvent } from "./pulumiProcess";

/** Lines that a Docker build prints dozens of times; they are not shown. */
const DIGEST = /^(digest:|writing image) sha256:/;
const COLOR = /<\{%[^%]*%\}>/g;

/** Turns the engine's events into kragle's, and keeps the words of the first failure. */
export class EventTranslator {
  failure: StepFailed | undefined;
  /** The stack's, once they are registered. */
  outputs: Outputs | undefined;
  private readonly started = new Set<string>();
  /** What each step that failed says. */
  private readonly words = new Map<string, StepFailed>();

  constructor(private readonly run: Pick<EngineRun, "onEvent" | "preview">) {}

  take(event: PulumiEvent): void {
    const { onEvent } = this.run;
    const { resourcePreEvent, resOutputsEvent, resOpFailedEvent, diagnosticEvent } = event;
    if (resourcePreEvent) {
      const { op, urn, type } = resourcePreEvent.metadata;
      // of a stage's command only its first line shows that it works: where the result is in the store it prints none
      if (type.startsWith("docker:") && String(op) !== "same") this.start(stepOf(urn));
    }
    if (resOutputsEvent && isWork(resOutputsEvent.metadata.type)) {
      const { op, urn } = resOutputsEvent.metadata;
      const step = stepOf(urn);
      const found = this.started.has(step) ? "run" : "store";
      const from = String(op) === "same" ? "unchanged" : found;
      if (!String(op).startsWith("delete")) onEvent({ kind: "done", step, from });
    }
    if (resOutputsEvent?.metadata.type === "pulumi:pulumi:Stack") {
      // the stack's page, which Pulumi Cloud shows, is none of an image's facts
      const { readme: _, ...outputs } = resOutputsEvent.metadata.new?.outputs ?? {};
      this.outputs = resOutputsEvent.metadata.new && outputs;
    }
    if (diagnosticEvent) this.diagnostic(diagnosticEvent);
    if (resOpFailedEvent) {
      const step = stepOf(resOpFailedEvent.metadata.urn);
      const failed = this.words.get(step) ?? new StepFailed(step, `${step} failed`, EXIT.failed);
      this.failure ??= failed;
      onEvent({ kind: "failed", step, message: failed.message });
    }
    const changes = event.summaryEvent?.resourceChanges;
    if (changes) onEvent({ kind: "resources", changes });
  }

  private start(step: string): void {
    if (this.run.preview || this.started.has(step)) return;
    this.started.add(step);
    this.run.onEvent({ kind: "start", step });
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
      const failed = new StepFailed(step, words.text, words.exitCode);
      this.failure ??= failed;
      if (!this.words.has(step)) this.words.set(step, failed);
    } else if (ephemeral && step) {
      this.start(step);
      for (const line of text.split("\n")) {
        if (!DIGEST.test(line)) this.run.onEvent({ kind: "line", step, text: line });
      }
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
