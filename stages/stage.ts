import { appendFileSync, existsSync } from "node:fs";
import { chmod, cp, mkdir, rename, rm } from "node:fs/promises";
import { basename, join } from "node:path";

import type { z } from "zod";

import { type StageDescription, stageKey } from "../plan/description";
import { formatSeconds } from "../plan/units";
import { Roots } from "../store/roots";
import { type Artifact, ArtifactUnavailable, type Finished, type Store } from "../store/store";
import { type ContainerOptions, type ContainerResult, runContainer } from "./container";
import { stopIfInterrupted } from "./interrupt";
import { EXIT, StageFailure, unreachableDocker } from "./failure";
import { displayPath } from "./project";

/** What a stage receives on stdin, as one line of JSON. */
export interface StageRequest {
  readonly stack: string;
  /** Under which name the stack keeps the result, such as `image` or `convert-raw`. */
  readonly root: string;
  readonly description: StageDescription;
  readonly settings: unknown;
}

/** What a stage prints on stdout, as one line of JSON; store-relative, and without anything secret. */
export interface StageAnswer {
  readonly stage: string;
  readonly key: string;
  readonly publishedAt: string;
  readonly result: Readonly<Record<string, unknown>>;
  readonly files: Readonly<Record<string, { readonly sha256: string; readonly bytes: number }>>;
}

type StageContainer = Omit<ContainerOptions, "storeId" | "key" | "log" | "onLine" | "signal">;

export interface StageContext<S> {
  readonly key: string;
  readonly settings: S;
  readonly secrets: Readonly<Record<string, string>>;
  /** Absolute; what is left in it is published as the artifact. */
  readonly work: string;
  /** Absolute, `work/logs`. */
  readonly logs: string;
  readonly store: Store;
  readonly signal: AbortSignal;
  /** Opens a phase: imperative, lower case. */
  phase(name: string): void;
  /** One line for whoever watches, and for the log. */
  detail(line: string): void;
  container(options: StageContainer): Promise<ContainerResult>;
}

/** A stage: its name, the settings that it takes, and the program that leaves files in the work folder and returns facts as JSON. */
export interface StageProgram<S> {
  readonly name: string;
  readonly settings: z.ZodType<S>;
  run(context: StageContext<S>): Promise<StageOutcome>;
}

export interface StageOutcome {
  readonly result: Record<string, unknown>;
  readonly external?: Finished["external"];
}

/** Why an artifact that is there must be made again: `rebuild:<publishedAt>` names the one instance that is refused. */
export function refuses(marker: string | undefined, publishedAt: string): boolean {
  return marker === `rebuild:${publishedAt}`;
}

/** The result of a stage where the store has it whole and it is not refused; otherwise the stage has to run. */
export async function findArtifact(
  store: Store,
  request: StageRequest,
  marker: string | undefined,
): Promise<Artifact | undefined> {
  const { description } = request;
  const found = await store.lookup(description.stage, stageKey(description));
  if (found.state !== "present") return undefined;
  return refuses(marker, found.artifact.manifest.publishedAt) ? undefined : found.artifact;
}

/** Makes an artifact one that the stack uses. */
export async function claimArtifact(
  store: Store,
  { stack, root }: StageRequest,
  { manifest }: Artifact,
): Promise<void> {
  const { stage, key, publishedAt, description, seconds } = manifest;
  await new Roots(store.home).set(stack, root, { stage, key, publishedAt, description, seconds });
}

export function answerOf({ manifest }: Artifact): StageAnswer {
  const { stage, key, publishedAt, result, files } = manifest;
  return {
    stage,
    key,
    publishedAt,
    result,
    files: Object.fromEntries(files.map(({ path, sha256, bytes }) => [path, { sha256, bytes }])),
  };
}

export interface StageRun {
  readonly store: Store;
  readonly request: StageRequest;
  readonly marker: string | undefined;
  readonly secrets: Readonly<Record<string, string>>;
  /** Receives one line at a time; a line that starts with "» " opens a phase. */
  readonly print: (line: string) => void;
  readonly signal: AbortSignal;
}

/** Runs a stage, unless its result is in the store, and publishes what it made. */
export async function runStage<S>(program: StageProgram<S>, run: StageRun): Promise<StageAnswer> {
  const { store, request } = run;
  const { stage } = request.description;
  const key = stageKey(request.description);
  const settings = program.settings.parse(request.settings);
  stopIfInterrupted(run.signal);
  const held: (() => Promise<void>)[] = [];
  try {
    const { signal, print } = run;
    held.push(
      await store.lockStore({
        shared: true,
        signal,
        onWait: () => print("waiting for a garbage collection of the store"),
      }),
    );
    held.push(
      await store.lockStage(stage, key, {
        signal,
        onWait: (holder) => print(`waiting: ${holder} builds the same`),
      }),
    );
    const artifact =
      (await findArtifact(store, request, run.marker)) ??
      (await build(program, settings, run, key));
    await claimArtifact(store, request, artifact);
    return answerOf(artifact);
  } catch (error) {
    // an interrupted wait for a lock ends with an error of its own
    if (!(error instanceof StageFailure)) stopIfInterrupted(run.signal);
    throw error;
  } finally {
    for (const release of held.reverse()) await release();
  }
}

async function build<S>(
  program: StageProgram<S>,
  settings: S,
  run: StageRun,
  key: string,
): Promise<Artifact> {
  const { store, request } = run;
  const { stage } = request.description;
  stopIfInterrupted(run.signal);
  const work = store.workFolder(stage, key);
  const logs = join(work, "logs");
  await rm(work, { recursive: true, force: true });
  await mkdir(logs, { recursive: true });
  // a strict umask must not shut the container's user out
  for (const folder of [work, logs]) await chmod(folder, 0o755);

  const clock = new PhaseClock(run.print, join(logs, "stage.log"));
  const context: StageContext<S> = {
    key,
    settings,
    secrets: run.secrets,
    work,
    logs,
    store,
    signal: run.signal,
    phase: (name) => clock.line(`» ${name}`),
    detail: (line) => clock.line(line),
    container: (options) =>
      runContainer({
        ...options,
        storeId: store.id,
        key,
        log: join(logs, "container.log"),
        onLine: (line) => clock.line(line),
        signal: run.signal,
      }),
  };
  try {
    const outcome = await program.run(context);
    const { seconds, phases } = clock.stop();
    const artifact = await store.publish(stage, key, {
      manifest: {
        stage,
        key,
        description: request.description,
        seconds,
        phases,
        result: outcome.result,
      },
      external: outcome.external,
    });
    await rm(store.failedFolder(stage, key), { recursive: true, force: true });
    return artifact;
  } catch (error) {
    clock.stop();
    throw await keepEvidence(store, stage, key, error);
  }
}

/** Moves logs and evidence out of the work folder, deletes the rest, and names in the error where they are. */
async function keepEvidence(store: Store, stage: string, key: string, cause: unknown) {
  const thrown = cause instanceof Error ? cause : new Error(String(cause));
  const error = unreachableDocker(thrown) ?? thrown;
  const details = error instanceof StageFailure ? error.details : {};
  const work = store.workFolder(stage, key);
  const kept = store.failedFolder(stage, key);
  await rm(kept, { recursive: true, force: true });
  await mkdir(kept, { recursive: true });
  if (existsSync(join(work, "logs"))) await cp(join(work, "logs"), kept, { recursive: true });
  for (const name of details.evidence ?? []) {
    const from = join(work, name);
    if (existsSync(from) && !name.startsWith("logs/"))
      await rename(from, join(kept, basename(name)));
  }
  await rm(work, { recursive: true, force: true });
  const expected = error instanceof StageFailure || error instanceof ArtifactUnavailable;
  const text = expected ? error.message : (error.stack ?? error.message);
  const lines = [`${stage}: ${text}`, `  logs: ${displayPath(kept)}`];
  if (details.hint) lines.push(`  next: ${details.hint}`);
  return new StageFailure(lines.join("\n"), { exitCode: details.exitCode ?? EXIT.failed });
}

const HEARTBEAT_SECONDS = 25;

/** Prints lines, keeps them with their time in the stage's log, measures phases, and speaks up when nothing was printed for a while. */
class PhaseClock {
  private readonly started = Date.now();
  private readonly phases: { name: string; from: number }[] = [];
  private readonly timer: NodeJS.Timeout;

  constructor(
    private readonly print: (line: string) => void,
    private readonly log: string,
  ) {
    this.timer = setInterval(() => this.beat(), HEARTBEAT_SECONDS * 1000);
  }

  line(text: string): void {
    if (!text) return;
    const at = ((Date.now() - this.started) / 1000).toFixed(1).padStart(7);
    appendFileSync(this.log, `${at} ${text}\n`);
    if (text.startsWith("» ")) this.phases.push({ name: text.slice(2), from: Date.now() });
    this.print(text);
    this.timer.refresh();
  }

  private beat(): void {
    const name = this.phases.at(-1)?.name ?? "start";
    this.print(`… ${name}, ${formatSeconds((Date.now() - this.started) / 1000)} so far`);
  }

  stop(): { seconds: number; phases: { name: string; seconds: number }[] } {
    clearInterval(this.timer);
    const end = Date.now();
    const seconds = (from: number, to: number) => Math.round((to - from) / 100) / 10;
    return {
      seconds: seconds(this.started, end),
      phases: this.phases.map((phase, i) => ({
        name: phase.name,
        seconds: seconds(phase.from, this.phases[i + 1]?.from ?? end),
      })),
    };
  }
}
