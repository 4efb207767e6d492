import { stat } from "node:fs/promises";
import type { Duplex } from "node:stream";
import { PassThrough } from "node:stream";

import { docker } from "../executors/container";
import { demultiplex } from "../executors/demultiplex";
import { StageFailure } from "../host/failure";
import { LineSplitter } from "../host/lines";
import { ownContainer } from "../executors/ownedContainer";

/** Where the tools find what they read and write. */
export const IMAGE = "/image";
export const TARGET = "/dev/target";

export interface ToolRun {
  /** The Docker image with the tools. */
  readonly toolsImage: string;
  /** The qcow2, on this machine. */
  readonly image: string;
  /** A block device or a file, on this machine. */
  readonly target?: string;
  readonly command: readonly string[];
  readonly onLine: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Runs one of the tools in a container that has the image, read-only, and one target, and nothing else: no network, no
 * capabilities, no other device. It runs as the target's owner, so whoever may write to the target can use it. Its stdin is
 * a lifeline, as for stages: when this process ends, so does the tool.
 *
 * The caller holds a claim on the target, so no other write can be at work on it: a container that has the target is a leftover.
 *
 * @returns the exit code
 */
export async function runTool(run: ToolRun): Promise<number> {
  run.signal.throwIfAborted();
  await removeCorpses(run.target ?? run.image);
  const { name, remove } = ownContainer(docker);
  try {
    const container = await docker.createContainer({ name, ...(await describe(run)) });
    const stream = (await container.attach({
      ...{ stream: true, stdin: true, stdout: true, stderr: true },
      hijack: true,
    })) as Duplex;
    const lines = new LineSplitter(run.onLine);
    const output = new PassThrough();
    output.on("data", (chunk: Buffer) => lines.write(chunk));
    demultiplex(container, stream, output, output);
    const read = new Promise((resolve) => stream.once("close", resolve).once("end", resolve));
    const stop = () => void container.kill().catch(() => undefined);
    run.signal.addEventListener("abort", stop);
    try {
      const exit = container.wait({ condition: "next-exit" });
      await container.start();
      stream.write(JSON.stringify({ settings: {} }) + "\n");
      const { StatusCode } = (await exit) as { StatusCode: number };
      await read;
      lines.end();
      run.signal.throwIfAborted();
      return StatusCode;
    } finally {
      run.signal.removeEventListener("abort", stop);
      stream.destroy();
    }
  } catch (error) {
    if (run.signal.aborted) throw new StageFailure("it was interrupted");
    throw error;
  } finally {
    await remove();
  }
}

const LABEL = "kragle.target";

async function removeCorpses(target: string): Promise<void> {
  const label = [`${LABEL}=${target}`];
  const corpses = await docker.listContainers({ all: true, filters: { label } });
  for (const { Id } of corpses) {
    const container = docker.getContainer(Id);
    await container.remove({ force: true, v: true }).catch(() => undefined);
  }
}

async function describe({ toolsImage, image, target, command }: ToolRun) {
  const facts = await stat(target ?? image);
  const bind = (Source: string, Target: string, ReadOnly: boolean) => ({
    ...{ Type: "bind" as const, Source, Target, ReadOnly },
  });
  const device = target !== undefined && facts.isBlockDevice();
  return {
    Image: toolsImage,
    Cmd: ["--run", ...command],
    User: `${facts.uid}:${facts.gid}`,
    WorkingDir: "/",
    Env: ["KRAGLE_LIFELINE=1", "HOME=/tmp"],
    Labels: { [LABEL]: target ?? image },
    OpenStdin: true,
    StdinOnce: true,
    AttachStdin: true,
    AttachStdout: true,
    AttachStderr: true,
    HostConfig: {
      // so that Docker removes it where this process cannot
      AutoRemove: true,
      Mounts: [
        bind(image, IMAGE, true),
        ...(target !== undefined && !device ? [bind(target, TARGET, false)] : []),
      ],
      Devices: device
        ? [{ PathOnHost: target, PathInContainer: TARGET, CgroupPermissions: "rw" }]
        : [],
      Tmpfs: {
        "/run/kragle": `rw,nosuid,nodev,noexec,mode=0700,size=1m,uid=${facts.uid}`,
        "/tmp": "rw,nosuid,nodev,noexec,mode=1777,size=64m",
      },
      NetworkMode: "none",
      ReadonlyRootfs: true,
      CapDrop: ["ALL"],
      SecurityOpt: ["no-new-privileges"],
      PidsLimit: 256,
    },
  };
}
