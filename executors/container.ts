import { copyFileSync } from "node:fs";
import { join, sep } from "node:path";
import { type Duplex, PassThrough } from "node:stream";

import Docker from "dockerode";

import { EXIT, explainSystemError, StageFailure } from "../host/failure";
import { demultiplex } from "./demultiplex";
import { Guard } from "./guard";
import { selinuxEnforces } from "../host/selinux";
import { hostCertificateBundle } from "../host/certificates";
import { hostProxyEnvironment } from "../host/proxies";
import { stopIfInterrupted } from "../host/interrupt";
import { type Confinement, confine } from "./isolation";
import { LineSplitter } from "../host/lines";
import { LogFile } from "../host/logFile";
import { ownContainer } from "./ownedContainer";
import { kragleHome } from "../host/project";
import type { Redactor } from "../host/redactor";

/** The uid and gid of unprivileged containers: the caller's own, or one that no account has where the caller is root. */
export const BUILD_UID = process.getuid!() || 10177;
export const BUILD_GID = process.getuid!() === 0 ? BUILD_UID : process.getgid!();

export interface Bind {
  readonly source: string;
  readonly target: string;
  readonly readOnly?: boolean;
  /** Where SELinux confines containers, the source gets their label; what lies in kragle's own folder always does. */
  readonly relabel?: boolean;
}

export interface ContainerOptions {
  /** The store's id and the stage's key: they mark the container, so that corpses are found. */
  readonly storeId: string;
  readonly key: string;
  readonly image: string;
  readonly run: readonly string[];
  readonly settings: unknown;
  /** Go by stdin into the container's tmpfs; never into its environment or command line. */
  readonly secrets?: Readonly<Record<string, string>>;
  readonly binds: readonly Bind[];
  readonly user: Confinement;
  readonly network: "bridge" | "none";
  /** Hand in /dev/kvm. */
  readonly kvm?: boolean;
  /** Port on 127.0.0.1 that shows the same port of the container. */
  readonly publishPort?: number | null;
  /** 4 GiB where nothing is given. */
  readonly memoryBytes?: number;
  /** Receives everything that the container prints. */
  readonly log: string;
  readonly onLine: (line: string) => void;
  /** Keeps secrets out of both. */
  readonly redactor?: Redactor;
  /** Receives the container when it runs. */
  readonly onStart?: (container: Docker.Container) => void;
  /** The container is ended after so many seconds. */
  readonly deadlineSeconds: number;
  /** It is also ended when nothing is printed for so long, and nothing below `watch` grows. */
  readonly silenceSeconds?: number;
  /** The folder of the results; the container is ended before its disk is full. */
  readonly watch?: string;
  readonly signal?: AbortSignal;
}

export interface ContainerResult {
  readonly exitCode: number;
  /** The last lines that it printed. */
  readonly tail: readonly string[];
}

const TAIL_LINES = 40;

export const docker = new Docker();

/**
 * Runs a program in a container until it ends. Its stdin stays open as a lifeline: when this process ends, however it ends,
 * the container's entrypoint sees the end of file and ends the program.
 *
 * @throws StageFailure where Docker refuses, or the deadline passes
 */
export async function runContainer(options: ContainerOptions): Promise<ContainerResult> {
  stopIfInterrupted(options.signal);
  await removeCorpses(options.storeId, options.key);
  const { name, remove } = ownContainer(docker);
  try {
    return await runIn(await create({ name, ...describe(options) }), options);
  } finally {
    await remove();
  }
}

async function runIn(
  container: Docker.Container,
  options: ContainerOptions,
): Promise<ContainerResult> {
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
    options.onStart?.(container);
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

/** Removes containers that an earlier run of the same store and key left behind. The caller holds the key's lock, so none is in use. */
async function removeCorpses(storeId: string, key: string): Promise<void> {
  const label = [`kragle.store=${storeId}`, `kragle.key=${key}`];
  const corpses = await docker.listContainers({ all: true, filters: { label } });
  for (const { Id } of corpses) {
    await docker
      .getContainer(Id)
      .remove({ force: true, v: true })
      .catch(() => undefined);
  }
}

/** A mirror or proxy of the host's may have a certificate that only the host knows. */
function certificates(): Bind[] {
  const bundle = hostCertificateBundle();
  if (!bundle) return [];
  const target = "/etc/ssl/certs/ca-certificates.crt";
  if (!selinuxEnforces()) return [{ source: bundle, target, readOnly: true }];
  // the host's own file must keep its label
  const source = join(kragleHome, "ca-certificates.crt");
  copyFileSync(bundle, source);
  return [{ source, target, readOnly: true }];
}

/**
 * How Docker is told of folders and files. Labels for SELinux (`:z`: the type container_file_t, shared by all containers) can only
 * be asked for in the older form, and only what is kragle's own is relabelled, or was handed over for that.
 */
export function mountsOf(
  binds: readonly Bind[],
  enforcing: boolean,
): Pick<Docker.HostConfig, "Mounts" | "Binds"> {
  const ours = (bind: Bind) => bind.relabel || isInside(kragleHome, bind.source);
  return {
    Mounts: binds
      .filter((bind) => !enforcing || !ours(bind))
      .map(({ source, target, readOnly }) => ({
        Type: "bind" as const,
        Source: source,
        Target: target,
        ReadOnly: readOnly ?? false,
      })),
    ...(enforcing
      ? {
          Binds: binds
            .filter(ours)
            .map(({ source, target, readOnly }) => `${source}:${target}:${readOnly ? "ro," : ""}z`),
        }
      : {}),
  };
}

const isInside = (folder: string, path: string) => path === folder || path.startsWith(folder + sep);

/** Neither argument nor environment of it is secret: whoever may ask Docker can read both. */
function describe(options: ContainerOptions): Docker.ContainerCreateOptions {
  const port = options.publishPort ? `${options.publishPort}/tcp` : undefined;
  const [uid, gid] = options.user === "builder" ? [BUILD_UID, BUILD_GID] : [0, 0];
  return {
    Image: options.image,
    Cmd: ["--run", ...options.run],
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
      ...mountsOf([...options.binds, ...certificates()], selinuxEnforces()),
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
