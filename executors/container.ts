import type Docker from "dockerode";

import { EXIT, StageFailure } from "../host/failure";
import { connectInContainer } from "./containerPort";
import { PROGRAMS_AT, SCREEN_PORT, type Task, type TaskResult } from "./executor";
import { closeNetwork } from "./closedNetwork";
import { Guard } from "./guard";
import { BUILD_GID, BUILD_UID, handToContainer } from "./handOver";
import { selinuxEnforces } from "../host/selinux";
import { hostProxyEnvironment } from "../host/proxies";
import { stopIfInterrupted } from "../host/interrupt";
import { confine } from "./isolation";
import { keyFilter, storeLabels } from "./labels";
import { bindsOf, mountsOf } from "./mounts";
import { LogFile } from "../host/logFile";
import { removeLabelled, runOwned } from "./ownedContainer";
import type { Site } from "./site";

const TAIL_LINES = 40;

/**
 * Runs a program in a container until it ends. Its stdin stays open as a lifeline: when this process ends, however it ends,
 * lifeline.py in it sees the end of file and ends the program.
 *
 * @throws StageFailure where Docker refuses, or the deadline passes
 */
export async function runContainer(site: Site, options: Task): Promise<TaskResult> {
  stopIfInterrupted(options.signal);
  for (const { path } of options.user === "builder" ? (options.outputs ?? []) : []) {
    await handToContainer(path);
  }
  const tail: string[] = [];
  const log = new LogFile(options.log);
  const stop = new AbortController();
  const guard = new Guard({ ...options, folder: options.watch }, () => stop.abort());
  const { settings, secrets = {} } = options;
  const [environment, owner] = [hostProxyEnvironment(), [BUILD_UID, BUILD_GID]];
  try {
    const exitCode = await runOwned(site.docker, {
      description: describe(site, options),
      request: { settings, secrets, environment, owner },
      redactor: options.redactor,
      onLine: (line) => {
        guard.heard();
        log.write(line);
        tail.push(line);
        if (tail.length > TAIL_LINES) tail.shift();
        options.onLine(line);
      },
      ...(options.network === "none"
        ? {}
        : {
            prepare: (container) =>
              closeNetwork(site.docker, container, { ...options, labels: ownerOf(site, options) }),
          }),
      onStart: (container) =>
        options.onStart?.({ connect: (port) => connectInContainer(container, port) }),
      signal: stop.signal,
      // the entrypoint gets a moment to end its children and write their logs
      graceSeconds: 5,
    });
    if (guard.failure) throw guard.failure;
    if (exitCode === STOPPED) throw stoppedFromOutside();
    // Docker itself says no more of a kill
    if (exitCode === KILLED) tail.push("killed by the kernel, for want of memory, or by somebody");
    return { exitCode, tail };
  } catch (error) {
    throw guard.failure ?? (error as Error);
  } finally {
    guard.stop();
    log.close();
  }
}

const ownerOf = ({ home }: Site, { storeId }: Task) => ({
  ...storeLabels(home, storeId),
  "kragle.run": String(process.pid),
});

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

/** Removes the containers that earlier runs of the same store and key left behind. */
export const endContainers = (
  { docker, home }: Site,
  storeId: string,
  key: string,
): Promise<void> => removeLabelled(docker, keyFilter(home, storeId, key));

/** Neither argument nor environment of it is secret: whoever may ask Docker can read both. */
function describe(site: Site, options: Task): Docker.ContainerCreateOptions {
  const { home } = site;
  const port = options.publishScreen ? `${SCREEN_PORT}/tcp` : undefined;
  const [uid, gid] = options.user === "builder" ? [BUILD_UID, BUILD_GID] : [0, 0];
  return {
    Image: options.image,
    // whatever a ready image starts by itself
    Entrypoint: ["python3", `${PROGRAMS_AT}/lifeline.py`],
    Cmd: [...options.run],
    User: `${uid}:${gid}`,
    WorkingDir: "/",
    Env: ["KRAGLE_LIFELINE=1", "HOME=/tmp"],
    Labels: { ...ownerOf(site, options), "kragle.key": options.key },
    ...(port ? { ExposedPorts: { [port]: {} } } : {}),
    HostConfig: {
      ...confine(options.user, options.kvm ?? false),
      ...mountsOf(home, bindsOf(home, options), selinuxEnforces()),
      Tmpfs: {
        "/run/kragle": `rw,nosuid,nodev,noexec,mode=0700,size=16m,uid=${uid}`,
        "/tmp": "rw,nosuid,nodev,exec,mode=1777,size=1g",
      },
      NetworkMode: options.network === "none" ? "none" : "bridge",
      ...(port
        ? {
            PortBindings: {
              [port]: [{ HostIp: "127.0.0.1", HostPort: `${options.publishScreen}` }],
            },
          }
        : {}),
      // what the container prints is kept by its owner; Docker's own copy would hold it unredacted, and without a limit
      LogConfig: { Type: "none", Config: {} },
      Memory: options.memoryBytes ?? 4 * 2 ** 30,
    },
  };
}
