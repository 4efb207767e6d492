import { type Duplex, PassThrough } from "node:stream";

import Docker from "dockerode";

import { EXIT, explainSystemError, StageFailure } from "../host/failure";
import { connectInContainer } from "./containerPort";
import { demultiplex } from "./demultiplex";
import { PROGRAMS_AT, type Task, type TaskResult } from "./executor";
import { Guard } from "./guard";
import { BUILD_GID, BUILD_UID, handToContainer } from "./handOver";
import { selinuxEnforces } from "../host/selinux";
import { hostProxyEnvironment } from "../host/proxies";
import { stopIfInterrupted } from "../host/interrupt";
import { confine } from "./isolation";
import { bindsOf, mountsOf } from "./mounts";
import { LineSplitter } from "../host/lines";
import { LogFile } from "../host/logFile";
import { ownContainer } from "./ownedContainer";

const TAIL_LINES = 40;

export const docker = new Docker();

/**
 * Runs a program in a container until it ends. Its stdin stays open as a lifeline: when this process ends, however it ends,
 * lifeline.py in it sees the end of file and ends the program.
 *
 * @throws StageFailure where Docker refuses, or the deadline passes
 */
export async function runContainer(options: Task): Promise<TaskResult> {
  stopIfInterrupted(options.signal);
  for (const { path } of options.user === "builder" ? (options.outputs ?? []) : []) {
    await handToContainer(path);
  }
  const { name, remove } = ownContainer(docker);
  try {
    return await runIn(await create({ name, ...describe(options) }), options);
  } finally {
    await remove();
  }
}

async function runIn(container: Docker.Container, options: Task): Promise<TaskResult> {
  const tail: string[] = [];
  const log = new LogFile(options.log);
  const guard = new Guard({ ...options, folder: options.watch }, () => {
    // the entrypoint gets a moment to end its children and write their logs
    void container.stop({ t: 5 }).catch(() => undefined);
  });
  const lines = new LineSplitter((line) => {
    guard.heard();
    log.write(line);
    tail.push(line);
    if (tail.length > TAIL_LINES) tail.shift();
    options.onLine(line);
  }, options.redactor);
  let stream: Duplex | undefined;
  try {
    stream = (await container.attach(ATTACH)) as Duplex;
    const ended = new Promise<void>((resolve) => {
      for (const event of ["end", "close", "error"]) stream!.once(event, () => resolve());
    });
    const output = new PassThrough();
    output.on("data", (chunk: Buffer) => lines.write(chunk));
    demultiplex(container, stream, output, output);
    stopIfInterrupted(options.signal);
    const exit = container.wait({ condition: "next-exit" });
    exit.catch(() => undefined); // nobody waits for it where the start fails
    await container.start().catch((error: Error) => {
      throw explainSystemError(error) ?? refusal("start", error);
    });
    options.onStart?.({ connect: (port) => connectInContainer(container, port) });
    const { settings, secrets = {} } = options;
    const environment = hostProxyEnvironment();
    const owner = [BUILD_UID, BUILD_GID];
    stream.write(JSON.stringify({ settings, secrets, environment, owner }) + "\n");
    const { StatusCode: exitCode } = (await exit) as { StatusCode: number };
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 2000))]);
    lines.end();
    if (guard.failure) throw guard.failure;
    if (exitCode === STOPPED) throw stoppedFromOutside();
    // Docker itself says no more of a kill
    if (exitCode === KILLED) tail.push("killed by the kernel, for want of memory, or by somebody");
    return { exitCode, tail };
  } catch (error) {
    throw guard.failure ?? (error as Error);
  } finally {
    guard.stop();
    stream?.destroy();
    log.close();
  }
}

/** 128 + SIGTERM, 128 + SIGKILL. */
const STOPPED = 143;
const KILLED = 137;

function stoppedFromOutside(): StageFailure {
  return new StageFailure(
    "the container was stopped from outside: the Docker daemon ended, or somebody stopped it",
    {
      hint: "see that Docker runs (./kragle doctor), then run the same command again; finished stages are kept",
      exitCode: EXIT.lacking,
    },
  );
}

const ATTACH = { stream: true, stdin: true, stdout: true, stderr: true, hijack: true };

/** An older Docker does not know the kernel's newest capabilities, and says only of one at a time which. */
async function create(description: Docker.ContainerCreateOptions): Promise<Docker.Container> {
  try {
    return await docker.createContainer(description);
  } catch (error) {
    const unknown = /unknown capability: "CAP_(\w+)"/.exec((error as Error).message)?.[1];
    const { HostConfig = {} } = description;
    const capabilities = HostConfig.CapAdd as string[];
    if (!unknown || !capabilities.includes(unknown)) {
      throw explainSystemError(error as Error) ?? refusal("create", error as Error);
    }
    const CapAdd = capabilities.filter((name) => name !== unknown);
    return create({ ...description, HostConfig: { ...HostConfig, CapAdd } });
  }
}

function refusal(what: string, { message }: Error): StageFailure {
  const taken = /port is already allocated|address already in use/.test(message);
  return new StageFailure(
    `Docker could not ${what} the container: ${message}`,
    taken
      ? {
          hint: 'another program has that port; set "vnc" to another one, or to off',
          exitCode: EXIT.lacking,
        }
      : {},
  );
}

/** Removes the containers that earlier runs of the same store and key left behind. */
export async function endContainers(storeId: string, key: string): Promise<void> {
  const label = [`kragle.store=${storeId}`, `kragle.key=${key}`];
  const corpses = await docker.listContainers({ all: true, filters: { label } });
  for (const { Id } of corpses) {
    await docker
      .getContainer(Id)
      .remove({ force: true, v: true })
      .catch(() => undefined);
  }
}

/** Neither argument nor environment of it is secret: whoever may ask Docker can read both. */
function describe(options: Task): Docker.ContainerCreateOptions {
  const port = options.publishPort ? `${options.publishPort}/tcp` : undefined;
  const [uid, gid] = options.user === "builder" ? [BUILD_UID, BUILD_GID] : [0, 0];
  return {
    Image: options.image,
    // whatever a ready image starts by itself
    Entrypoint: ["python3", `${PROGRAMS_AT}/lifeline.py`],
    Cmd: [...options.run],
    User: `${uid}:${gid}`,
    WorkingDir: "/",
    Env: ["KRAGLE_LIFELINE=1", "HOME=/tmp"],
    Labels: {
      "kragle.store": options.storeId,
      "kragle.run": String(process.pid),
      "kragle.key": options.key,
    },
    OpenStdin: true,
    StdinOnce: true,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    ...(port ? { ExposedPorts: { [port]: {} } } : {}),
    HostConfig: {
      // also where nobody is left to remove it
      AutoRemove: true,
      ...confine(options.user, options.kvm ?? false),
      ...mountsOf(bindsOf(options), selinuxEnforces()),
      Tmpfs: {
        "/run/kragle": `rw,nosuid,nodev,noexec,mode=0700,size=16m,uid=${uid}`,
        "/tmp": "rw,nosuid,nodev,exec,mode=1777,size=1g",
      },
      NetworkMode: options.network,
      ...(port
        ? {
            PortBindings: { [port]: [{ HostIp: "127.0.0.1", HostPort: `${options.publishPort}` }] },
          }
        : {}),
      // what the container prints is kept by its owner; Docker's own copy would hold it unredacted, and without a limit
      LogConfig: { Type: "none", Config: {} },
      Memory: options.memoryBytes ?? 4 * 2 ** 30,
    },
  };
}
