import { chmod, mkdir } from "node:fs/promises";
import { join } from "node:path";

import { clearFolder } from "../executors/clearFolder";
import type { Executor } from "../executors/executor";
import type { ImageFacts } from "../executors/images";
import { describePrivileges } from "../executors/isolation";
import { StageFailure } from "../host/failure";
import { stopIfInterrupted } from "../host/interrupt";
import { kragleVersion } from "../host/kragleVersion";
import { LogFile } from "../host/logFile";
import { shortIdentity } from "../plan/identity";
import { Redactor } from "../host/redactor";
import { removeTree } from "../host/removeTree";
import { hostSecrets, urlPasswords } from "../host/secrets";
import type { StageCall } from "../plan/stages/call";
import {
  complaints,
  type InputsOf,
  type StageContract,
  type UpstreamOf,
} from "../plan/stages/contract";
import type { ArtifactStore } from "../store/artifactStore";
import type { Manifest } from "../store/manifest";
import { identityOf } from "../store/identity";
import { makeBundle } from "../store/bundles";
import { Workplace } from "../store/workplace";
import { isRebuild } from "./answer";
import { keepEvidence, redactLogs } from "./evidence";
import { PhaseClock } from "./phaseClock";
import { besideOthers, ImageRefused } from "./refusal";
import { dropNote, noteRun } from "./runNote";
import type { StageContext, StageProgram } from "./stage";
import { locate, programsOf } from "./task";

/** What building a stage needs besides its call. */
export interface Building {
  readonly store: ArtifactStore;
  readonly secrets: Readonly<Record<string, string>>;
  /** Receives one line at a time; a line that starts with "» " opens a phase. */
  readonly print: (line: string) => void;
  readonly signal: AbortSignal;
  /** Where the stage's containers run. */
  readonly executor: Executor;
  /** See `StageCommandArgs.marker`. */
  readonly marker: string | undefined;
}

/** Runs a stage's program and publishes what it made; the caller holds the stage's lock. */
export async function buildStage<C extends StageContract>(
  program: StageProgram<C>,
  call: StageCall<C>,
  run: Building,
  key: string,
): Promise<Manifest> {
  const { store, executor } = run;
  const { root, description, request } = call;
  const place = new Workplace(store.home);
  const { stage } = program.contract;
  stopIfInterrupted(run.signal);
  const work = place.workFolder(stage, key);
  const logs = join(work, "logs");
  let ended: Promise<void> | undefined;
  const runTask: Executor["run"] = async (task) => {
    await (ended ??= executor.end(store.id, key));
    return executor.run(task);
  };
  const { toolsImage: image } = request as { toolsImage?: string };
  const programs = () => makeBundle(place, programsOf("command"));
  const clear = () => clearFolder(work, { run: runTask, image, programs, storeId: store.id, key });
  for (const part of ["work", "failed", "trash", "store"] as const) await place.provide(part);
  await clear();
  await mkdir(logs, { recursive: true });
  // whatever the umask, the container's user can enter
  for (const folder of [work, logs]) await chmod(folder, 0o755);
  const owner = identityOf(store.home, call);
  const startedAt = new Date().toISOString();
  await noteRun(logs, owner, { root, startedAt });

  const secrets = Object.values(run.secrets);
  const redactor = new Redactor([...secrets, ...secrets.flatMap(urlPasswords), ...hostSecrets()]);
  const proof = await besideOthers(place.home, program.contract, owner, { root, description });
  const signal = proof ? AbortSignal.any([run.signal, proof.signal]) : run.signal;
  const clock = new PhaseClock(run.print, new LogFile(join(logs, "stage.log")));
  const tell = (text: string) => clock.line(redactor.redact(text));
  const kragle = kragleVersion();
  const ranIn = new Map<string, ImageFacts & { readonly reference: string }>();
  const context: StageContext<C> = {
    ...{ key, root, owner },
    rebuild: isRebuild(run.marker),
    inputs: description.inputs as InputsOf<C>,
    upstream: description.upstream as UpstreamOf<C>,
    request,
    secrets: run.secrets,
    work,
    logs,
    store,
    executor,
    signal,
    phase: (name) => tell(`» ${name}`),
    detail: tell,
    container: async (task) => {
      if (task.user === "privileged") tell(describePrivileges());
      const image = await executor.inspect(task.image);
      if (image) ranIn.set(image.id, { reference: task.image, ...image });
      return runTask({
        ...task,
        // by its id: what is noted is what runs, whatever has the name by then
        image: image?.id ?? task.image,
        ...(await locate(place, work, task)),
        storeId: store.id,
        key,
        log: join(logs, "container.log"),
        onLine: (line) => clock.line(line),
        redactor,
        watch: work,
        signal,
      });
    },
  };
  try {
    const outcome = await program.run(context);
    const { seconds, phases } = clock.stop();
    const result = told(program.contract, outcome.result);
    await redactLogs(work, redactor);
    await dropNote(logs);
    const { manifest } = await store.publish(stage, key, {
      manifest: {
        stage,
        key,
        description,
        seconds,
        phases,
        madeBy: {
          kragle: await kragle,
          owner: shortIdentity(owner),
          containers: [...ranIn.values()],
        },
        result,
      },
      external: outcome.external,
    });
    // the result is there: what cannot be deleted of an earlier failure is garbage collection's to name
    await removeTree(place.failedFolder(stage, key)).catch(() => undefined);
    return manifest;
  } catch (error) {
    clock.stop();
    if (error instanceof ImageRefused) await proof?.tell();
    await redactLogs(work, redactor);
    const failedAt = new Date().toISOString();
    await noteRun(logs, owner, { root, startedAt, failedAt }).catch(() => undefined);
    const { message, details } = await keepEvidence(place, stage, key, error);
    await clear().catch(() => undefined); // what cannot be deleted now the next run deletes
    throw new StageFailure(redactor.redact(message), details);
  } finally {
    proof?.stop();
  }
}

/** The result, checked by the contract: all that follow read it by that. */
function told<C extends StageContract>({ stage, result }: C, outcome: unknown) {
  const checked = result.safeParse(outcome);
  if (checked.success) return checked.data as Record<string, unknown>;
  throw new Error(
    `stage ${stage} broke its contract: ${complaints("result", checked.error).join("; ")}`,
  );
}
