import { randomUUID } from "node:crypto";
import { type Duplex, PassThrough } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

import type Docker from "dockerode";

import { createContainer, refusal } from "./createContainer";
import { demultiplex } from "./demultiplex";
import { stopIfInterrupted } from "../host/interrupt";
import { afterThisProcess } from "../host/lifeline";
import { LineSplitter } from "../host/lines";
import { ownProgram } from "../host/ownProgram";
import type { Redactor } from "../host/redactor";

/** A program that runs in a container of its own. */
export interface OwnedRun {
  /** What Docker is asked for; the name, the streams and the removal are not its business. */
  readonly description: Docker.ContainerCreateOptions;
  /** Goes in as one line of JSON. */
  readonly request: unknown;
  /** Receives each line that the program prints, of both streams as they come. */
  readonly onLine?: (line: string) => void;
  /** Keeps secrets out of them. */
  readonly redactor?: Redactor | undefined;
  /** What has to be done to the running container before it gets its request. */
  readonly prepare?: (container: Docker.Container) => Promise<void>;
  /** Receives the container when it has got its request. */
  readonly onStart?: (container: Docker.Container) => void;
  /** Ends the program. */
  readonly signal?: AbortSignal;
  /** How long it may take for its end before it is killed. */
  readonly graceSeconds?: number;
}

const STREAMS = {
  OpenStdin: true,
  StdinOnce: true,
  AttachStdin: true,
  AttachStdout: true,
  AttachStderr: true,
};
const ATTACH = { stream: true, stdin: true, stdout: true, stderr: true, hijack: true };
/** How long after its end a container's last output may come. */
const LAST_WORDS_MS = 10_000;

/**
 * Runs a container until it ends, and removes it. Its stdin stays open as a lifeline: a program that watches it sees the end of file
 * when this process ends, however it ends.
 *
 * @returns the exit code
 * @throws StageFailure where Docker refuses, or the signal was aborted before the start
 */
export async function runOwned(docker: Docker, run: OwnedRun): Promise<number> {
  const { signal, graceSeconds = 0 } = run;
  stopIfInterrupted(signal);
  const { name, remove } = ownContainer(docker);
  let stream: Duplex | undefined;
  let end: () => void = () => undefined;
  try {
    const container = await createContainer(docker, { name, ...run.description, ...STREAMS });
    end = () => void container.stop({ t: graceSeconds }).catch(() => undefined);
    signal?.addEventListener("abort", end);
    stream = (await container.attach(ATTACH)) as Duplex;
    const printed = endOf(stream);
    const lines = new LineSplitter(run.onLine ?? (() => undefined), run.redactor);
    const output = new PassThrough().on("data", (chunk: Uint8Array) => lines.write(chunk));
    demultiplex(container, stream, output, output);
    stopIfInterrupted(signal);
    const exit = container.wait({ condition: "next-exit" });
    exit.catch(() => undefined); // nobody waits for it where the start fails
    await container.start().catch((error: Error) => {
      throw refusal("start", error);
    });
    // Docker has nothing to stop until it runs
    if (signal?.aborted) end();
    await run.prepare?.(container).catch(async (error: Error) => {
      // nothing can be prepared in a container that was ended meanwhile: its exit code tells that
      if (await isRunning(container)) throw error;
    });
    stream.write(JSON.stringify(run.request) + "\n");
    run.onStart?.(container);
    const { StatusCode } = (await exit) as { StatusCode: number };
    await Promise.race([printed, sleep(LAST_WORDS_MS, undefined, { ref: false })]);
    lines.end();
    return StatusCode;
  } finally {
    signal?.removeEventListener("abort", end);
    stream?.destroy();
    await remove();
  }
}

const isRunning = (container: Docker.Container) =>
  container.inspect().then(
    ({ State }) => State.Running,
    ({ statusCode }: { statusCode?: number }) => statusCode !== 404,
  );

const endOf = (stream: Duplex) =>
  new Promise<void>((resolve) => {
    for (const event of ["end", "close", "error"]) stream.once(event, () => resolve());
  });

/** Removes the containers that have all of these labels: what a process left that has ended. */
export async function removeLabelled(docker: Docker, labels: readonly string[]): Promise<void> {
  const found = await docker.listContainers({ all: true, filters: { label: [...labels] } });
  for (const { Id } of found) {
    const container = docker.getContainer(Id);
    await container.remove({ force: true, v: true }).catch(() => undefined);
  }
}

/**
 * A name for a container that is about to be created. The container is removed once this process has ended, however it ends. That is for
 * containers which were created but never started: a running one sees the end of its stdin and ends by itself.
 *
 * @returns the name, and a function that removes the container earlier
 */
export function ownContainer(docker: Docker): { name: string; remove: () => Promise<void> } {
  const name = `kragle-${randomUUID()}`;
  const { cancel } = afterThisProcess('"$@"', ...ownProgram("executors/removeAbandoned"), name);
  const remove = async () => {
    const failure = await docker
      .getContainer(name)
      .remove({ force: true, v: true })
      .then(
        () => undefined,
        (error: { statusCode?: number }) => error,
      );
    // where Docker did not answer at all, the removal is tried again when this process ends
    if (!failure || failure.statusCode !== undefined) cancel();
  };
  return { name, remove };
}
