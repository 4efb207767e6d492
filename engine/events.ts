import type { Site } from "../executors/site";
import type { StackPlan } from "../preview/stackPlan";

/** What an engine tells while it works; the command line shows it. */
export type EngineEvent =
  | { readonly kind: "start"; readonly step: string }
  /** A line that the step printed; one that starts with "» " opens a phase. */
  | { readonly kind: "line"; readonly step: string; readonly text: string }
  | { readonly kind: "done"; readonly step: string; readonly from: "store" | "run" | "unchanged" }
  | { readonly kind: "failed"; readonly step: string; readonly message: string }
  /** How many resources there are of each kind of change, in the Pulumi CLI's words. */
  | { readonly kind: "resources"; readonly changes: Readonly<Record<string, number | undefined>> }
  /** A line of the engine itself. */
  | { readonly kind: "note"; readonly text: string };

export interface EngineRun {
  readonly site: Site;
  readonly stack: string;
  /** The project's name in Pulumi.yaml, which is the namespace of its settings. */
  readonly project: string;
  /** What the command line has planned and shown. */
  readonly plan: StackPlan;
  /** How many stages may run at a time, see `parallelStages`. */
  readonly parallel: number;
  /** Stages to build again although nothing has changed. */
  readonly rebuild: readonly string[];
  /** The stack's settings by name without namespace, defaults filled in. */
  readonly settings: Readonly<Record<string, unknown>>;
  /** Names of the settings that are secret. */
  readonly secretNames: readonly string[];
  readonly preview: boolean;
  readonly onEvent: (event: EngineEvent) => void;
  readonly signal: AbortSignal;
}

export type Outputs = Readonly<Record<string, unknown>>;

/** A step's failure as the user shall read it; the exit code is the step's own. */
export class StepFailed extends Error {
  /** The stack's, where it has several images: the others were released, and of one that was not these are the last release's. */
  outputs: Outputs | undefined;

  constructor(
    readonly step: string,
    message: string,
    readonly exitCode: number,
  ) {
    super(message);
  }
}
