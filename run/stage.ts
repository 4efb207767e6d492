import type { ContainerOptions, ContainerResult } from "../executors/container";
import type {
  InputsOf,
  RequestOf,
  ResultOf,
  StageContract,
  UpstreamOf,
} from "../plan/stages/contract";
import type { ArtifactStore, Finished } from "../store/artifactStore";

/** What a stage says of a container; who runs the stage adds the rest. */
export type StageContainer = Omit<
  ContainerOptions,
  "storeId" | "key" | "log" | "onLine" | "redactor" | "watch" | "signal"
>;

/** What a running stage has: what it was declared to be, and the means to become that. */
export interface StageContext<C extends StageContract> {
  readonly key: string;
  readonly inputs: InputsOf<C>;
  readonly upstream: UpstreamOf<C>;
  readonly request: RequestOf<C>;
  readonly secrets: Readonly<Record<string, string>>;
  /** Absolute; what is left in it is published as the artifact. */
  readonly work: string;
  /** Absolute, `work/logs`. */
  readonly logs: string;
  readonly store: ArtifactStore;
  readonly signal: AbortSignal;
  /** Opens a phase: imperative, lower case. */
  phase(name: string): void;
  /** One line for whoever watches, and for the log. */
  detail(line: string): void;
  container(options: StageContainer): Promise<ContainerResult>;
}

/** What a stage has made besides the files in its work folder. */
export interface StageOutcome<C extends StageContract> {
  readonly result: ResultOf<C>;
  readonly external?: Finished["external"];
}

/** A stage: its contract, and the program that leaves files in the work folder and tells what they are. */
export interface StageProgram<C extends StageContract> {
  readonly contract: C;
  run(context: StageContext<C>): Promise<StageOutcome<C>>;
}
