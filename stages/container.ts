import { createWriteStream, statSync } from "node:fs";
import { finished } from "node:stream/promises";
import { type Duplex, PassThrough } from "node:stream";

import Docker from "dockerode";

import { StageFailure } from "./failure";
import { hostCertificateBundle, hostProxyEnvironment } from "./host";
import { stopIfInterrupted } from "./interrupt";
import { LineSplitter } from "./lines";

/** The uid and gid of unprivileged containers: the caller's own, or one that no account has where the caller is root. */
export const BUILD_UID = process.getuid!() || 10177;
export const BUILD_GID = process.getuid!() === 0 ? BUILD_UID : process.getgid!();

export interface Bind {
  readonly source: string;
  readonly target: string;
  readonly readOnly?: boolean;
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
  /** `root` has Docker's default capabilities; `builder` has none, on a read-only root file system. */
  readonly user: "root" | "builder";
  readonly network: "bridge" | "none";
  /** Hand in /dev/kvm. */
  readonly kvm?: boolean;
  /** All capabilities that the host has, no confinement, both devices. */
  readonly privileged?: boolean;
  /** Port on 127.0.0.1 that shows the same port of the container. */
  readonly publishPort?: number | null;
  readonly memoryBytes?: number;
  /** Receives everything that the container prints. */
  readonly log: string;
  readonly onLine: (line: string) => void;
  /** The container is killed after so many seconds. */
  readonly deadlineSeconds: number;
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
  const container = await docker.createContainer(describe(options)).catch((error: Error) => {
    throw new StageFailure(`Docker could not create the container: ${error.message}`);
  });
  const stream = (await container.attach({
    stream: true,
    stdin: true,
    stdout: true,
    stderr: true,
    hijack: true,
  })) as Duplex;
  const tail: string[] = [];
  const log = createWriteStream(options.log, { flags: "a" });
  const lines = new LineSplitter((line) => {
    log.write(line + "\n");
    tail.push(line);
    if (tail.length > TAIL_LINES) tail.shift();
    options.onLine(line);
  });
  const output = new PassThrough();
  output.on("data", (chunk: Buffer) => lines.write(chunk));
  container.modem.demuxStream(stream, output, output);
  const ended = new Promise<void>((resolve) => {
    for (const event of ["end", "close", "error"]) stream.once(event, () => resolve());
  });

  let killedFor: string | undefined;
  const kill = (why: string) => {
    killedFor ??= why;
    // the entrypoint gets a moment to end its children and write their logs
    void container.stop({ t: 5 }).catch(() => undefined);
  };
  const deadline = setTimeout(
    () => kill(`it did not finish within ${Math.round(options.deadlineSeconds)} s`),
    options.deadlineSeconds * 1000,
  );
  const onAbort = () => kill("it was interrupted");
  options.signal?.addEventListener("abort", onAbort);
  try {
    stopIfInterrupted(options.signal);
    const exit = container.wait({ condition: "next-exit" });
    await container.start().catch((error: Error) => {
      throw new StageFailure(`Docker could not start the container: ${error.message}`);
    });
    stream.write(
      JSON.stringify({ settings: options.settings, secrets: options.secrets ?? {} }) + "\n",
    );
    const { StatusCode: exitCode } = (await exit) as { StatusCode: number };
    await Promise.race([ended, new Promise((resolve) => setTimeout(resolve, 2000))]);
    lines.end();
    if (killedFor) {
      throw new StageFailure(`the container was ended because ${killedFor}`, {
        hint: options.signal?.aborted
          ? "run the same command again; finished stages are kept"
          : 'a longer time can be set with the setting "timeouts"',
      });
    }
    return { exitCode, tail };
  } finally {
    clearTimeout(deadline);
    options.signal?.removeEventListener("abort", onAbort);
    stream.destroy();
    log.end();
    await finished(log).catch(() => undefined);
    await container.remove({ force: true, v: true }).catch(() => undefined);
  }
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
  const source = hostCertificateBundle();
  return source ? [{ source, target: "/etc/ssl/certs/ca-certificates.crt", readOnly: true }] : [];
}

function describe(options: ContainerOptions): Docker.ContainerCreateOptions {
  const unprivileged = options.user === "builder" && !options.privileged;
  const port = options.publishPort ? `${options.publishPort}/tcp` : undefined;
  const device = (path: string) => ({
    PathOnHost: path,
    PathInContainer: path,
    CgroupPermissions: "rw",
  });
  return {
    Image: options.image,
    Cmd: ["--run", ...options.run],
    User: options.user === "builder" ? `${BUILD_UID}:${BUILD_GID}` : "0:0",
    WorkingDir: "/",
    Env: [
      "KRAGLE_LIFELINE=1",
      "HOME=/tmp",
      ...Object.entries(hostProxyEnvironment()).map(([name, value]) => `${name}=${value}`),
    ],
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
      Mounts: [...options.binds, ...certificates()].map(({ source, target, readOnly }) => ({
        Type: "bind" as const,
        Source: source,
        Target: target,
        ReadOnly: readOnly ?? false,
      })),
      Tmpfs: {
        "/run/kragle": `rw,nosuid,nodev,noexec,mode=0700,size=16m,uid=${options.user === "builder" ? BUILD_UID : 0}`,
        "/tmp": "rw,nosuid,nodev,exec,mode=1777,size=1g",
      },
      NetworkMode: options.network,
      ReadonlyRootfs: unprivileged,
      CapDrop: unprivileged ? ["ALL"] : [],
      SecurityOpt: options.privileged
        ? ["seccomp=unconfined", "apparmor=unconfined"]
        : unprivileged
          ? ["no-new-privileges"]
          : [],
      ...(options.privileged ? { CapAdd: ["ALL"] } : {}),
      ...(options.kvm
        ? { Devices: [device("/dev/kvm")], GroupAdd: [String(statSync("/dev/kvm").gid)] }
        : {}),
      ...(port
        ? {
            PortBindings: { [port]: [{ HostIp: "127.0.0.1", HostPort: `${options.publishPort}` }] },
          }
        : {}),
      PidsLimit: 1024,
      ...(options.memoryBytes ? { Memory: options.memoryBytes } : {}),
    },
  };
}
