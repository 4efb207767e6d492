import { existsSync } from "node:fs";
import { chmod, cp, mkdir, readdir, rename, rm } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

import type { z } from "zod";

import { type StageDescription, stageKey } from "../plan/description";
import { listFiles } from "../host/files";
import { Roots } from "../store/roots";
import { type ArtifactStore, ArtifactUnavailable, type Finished } from "../store/artifactStore";
import type { Manifest } from "../store/manifest";
import { Workplace } from "../store/workplace";
import { clearFolder } from "../executors/clearFolder";
import { type ContainerOptions, type ContainerResult, runContainer } from "../executors/container";
import { EXIT, explainSystemError, StageFailure } from "../host/failure";
import { hostSecrets, urlPasswords } from "../host/secrets";
import { stopIfInterrupted } from "../host/interrupt";
import { LogFile } from "../host/logFile";
import { PhaseClock } from "./phaseClock";
import { displayPath } from "../host/project";
import { Redactor } from "../host/redactor";

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

type StageContainer = Omit<
  ContainerOptions,
  "storeId" | "key" | "log" | "onLine" | "redactor" | "watch" | "signal"
>;

export interface StageContext<S> {
  readonly key: string;
  readonly settings: S;
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

/** The manifest of a stage's result where the store has it whole and it is not refused; otherwise the stage has to run. */
export async function findResult(
  store: ArtifactStore,
  request: StageRequest,
  marker: string | undefined,
): Promise<Manifest | undefined> {
  const { description } = request;
  const found = await store.lookup(description.stage, stageKey(description));
  if (found.state !== "present") return undefined;
  return refuses(marker, found.manifest.publishedAt) ? undefined : found.manifest;
}

/** Makes a result one that the stack uses. */
export async function claimResult(
  roots: Roots,
  { stack, root }: StageRequest,
  manifest: Manifest,
): Promise<void> {
  const { stage, key, publishedAt, description, seconds } = manifest;
  await roots.set(stack, root, { stage, key, publishedAt, description, seconds });
}

export function answerOf(manifest: Manifest): StageAnswer {
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
  readonly store: ArtifactStore;
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
  const place = new Workplace(store.home);
  const { stage } = request.description;
  const key = stageKey(request.description);
  const settings = program.settings.parse(request.settings);
  stopIfInterrupted(run.signal);
  const held: (() => Promise<void>)[] = [];
  try {
    const { signal, print } = run;
    held.push(
      await place.lockStore({
        shared: true,
        signal,
        onWait: () => print("waiting for a garbage collection of the store"),
      }),
    );
    held.push(
      await place.lockStage(stage, key, {
        signal,
        onWait: (holder) => print(`waiting: ${holder} builds the same`),
      }),
    );
    const result =
      (await findResult(store, request, run.marker)) ?? (await build(program, settings, run, key));
    await claimResult(new Roots(store.home), request, result);
    return answerOf(result);
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
): Promise<Manifest> {
  const { store, request } = run;
  const place = new Workplace(store.home);
  const { stage } = request.description;
  stopIfInterrupted(run.signal);
  const work = place.workFolder(stage, key);
  const logs = join(work, "logs");
  const { toolsImage } = settings as { toolsImage?: string };
  const clear = () => clearFolder(work, { image: toolsImage, storeId: store.id, key });
  await clear();
  // logs are redacted when they are whole; until then they are nobody else's to read
  await mkdir(dirname(work), { recursive: true });
  await chmod(dirname(work), 0o700);
  await mkdir(logs, { recursive: true });
  // a strict umask must not shut the container's user out
  for (const folder of [work, logs]) await chmod(folder, 0o755);

  const secrets = Object.values(run.secrets);
  const redactor = new Redactor([...secrets, ...secrets.flatMap(urlPasswords), ...hostSecrets()]);
  const clock = new PhaseClock(run.print, new LogFile(join(logs, "stage.log")));
  const tell = (text: string) => clock.line(redactor.redact(text));
  const context: StageContext<S> = {
    key,
    settings,
    secrets: run.secrets,
    work,
    logs,
    store,
    signal: run.signal,
    phase: (name) => tell(`» ${name}`),
    detail: tell,
    container: (options) =>
      runContainer({
        ...options,
        storeId: store.id,
        key,
        log: join(logs, "container.log"),
        onLine: (line) => clock.line(line),
        redactor,
        watch: work,
        signal: run.signal,
      }),
  };
  try {
    const outcome = await program.run(context);
    const { seconds, phases } = clock.stop();
    await redactLogs(work, redactor);
    const { manifest } = await store.publish(stage, key, {
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
    await rm(place.failedFolder(stage, key), { recursive: true, force: true });
    return manifest;
  } catch (error) {
    clock.stop();
    await redactLogs(work, redactor);
    const { message, details } = await keepEvidence(place, stage, key, error);
    await clear().catch(() => undefined); // else the next run has to
    throw new StageFailure(redactor.redact(message), details);
  }
}

/** What QEMU, Packer and scripts wrote by themselves did not pass through the redactor. */
async function redactLogs(work: string, redactor: Redactor): Promise<void> {
  const names = await listFiles(work).catch(() => []);
  for (const name of names.filter((n) => n.startsWith("logs/") || n.endsWith(".log"))) {
    await redactor.redactFile(join(work, name));
  }
}

/** Moves logs and evidence out of the work folder, deletes the rest, and names in the error where they are. */
async function keepEvidence(place: Workplace, stage: string, key: string, cause: unknown) {
  const thrown = cause instanceof Error ? cause : new Error(String(cause));
  const error = explainSystemError(thrown) ?? thrown;
  const details = error instanceof StageFailure ? error.details : {};
  const kept = place.failedFolder(stage, key);
  const unkept = await moveEvidence(place.workFolder(stage, key), kept, details.evidence ?? []);
  const expected = error instanceof StageFailure || error instanceof ArtifactUnavailable;
  const text = expected ? error.message : (error.stack ?? error.message);
  const lines = [`${stage}: ${text}`, `  logs: ${unkept ?? displayPath(kept)}`];
  if (details.hint) lines.push(`  next: ${details.hint}`);
  return new StageFailure(lines.join("\n"), { exitCode: details.exitCode ?? EXIT.failed });
}

/** @returns why it could not; that must not hide the failure itself */
async function moveEvidence(
  work: string,
  kept: string,
  evidence: readonly string[],
): Promise<string | undefined> {
  const logs = join(work, "logs");
  try {
    await mkdir(logs, { recursive: true });
    for (const name of evidence) {
      const from = join(work, name);
      if (existsSync(from)) await rename(from, join(logs, basename(name)));
    }
    // first what is large: on a full disk there is no room for a new folder
    for (const name of await readdir(work)) {
      if (name === "logs") continue;
      await rm(join(work, name), { recursive: true, force: true }).catch(() => undefined);
    }
    await rm(kept, { recursive: true, force: true });
    await mkdir(dirname(kept), { recursive: true });
    await rename(logs, kept).catch(async (error: NodeJS.ErrnoException) => {
      if (error.code !== "EXDEV") throw error;
      // work may lie on a disk of its own
      await cp(logs, kept, { recursive: true });
      await rm(logs, { recursive: true });
    });
    return undefined;
  } catch (error) {
    return `they could not be kept (${(error as Error).message})`;
  }
}
