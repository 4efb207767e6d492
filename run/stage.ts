import type { Executor, TaskResult } from "../executors/executor";
import type {
  InputsOf,
  RequestOf,
  ResultOf,
  StageContract,
  UpstreamOf,
} from "../plan/stages/contract";
import type { StackIdentity } from "../plan/identity";
import type { ArtifactStore, Finished } from "../store/artifactStore";
import type { StageTask } from "./task";

/** What a running stage has: what it was declared to be, and the means to become that. */
export interface StageContext<C extends StageContract> {
  readonly key: string;
  /** Under which name the stack keeps the result. In no key. */
  readonly root: string;
  /** Whose stack it runs for. In no key. */
  readonly owner: StackIdentity;
  /** Whether the user wants it made anew, out of nothing that earlier runs of it have left. */
  readonly rebuild: boolean;
  readonly inputs: InputsOf<C>;
  readonly upstream: UpstreamOf<C>;
  readonly request: RequestOf<C>;
  readonly secrets: Readonly<Record<string, string>>;
  /** Absolute; what is left in it is published as the artifact. */
  readonly work: string;
  /** Absolute, `work/logs`. */
  readonly logs: string;
  readonly store: ArtifactStore;
  /** Where its containers run. */
  readonly executor: Executor;
  readonly signal: AbortSignal;
  /** Opens a phase, named in the imperative and in lower case, such as "verify the ISO". */
  readonly phase: (name: string) => void;
  /** One line for whoever watches, and for the log. */
  readonly detail: (line: string) => void;
  /** Runs a program in a container; what it prints goes into `logs/container.log`, too. */
  readonly container: (task: StageTask) => Promise<TaskResult>;
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
