import { readFile, stat } from "node:fs/promises";
import { join } from "node:path";

import type { Site } from "../executors/site";
import { CONFINED } from "../executors/isolation";
import { removeLabelled, runOwned } from "../executors/ownedContainer";
import { stopIfInterrupted } from "../host/interrupt";
import { programsFolder } from "../host/project";

/** Where the tools find what they read and write. */
export const IMAGE = "/image";
export const TARGET = "/dev/target";

export interface ToolRun extends Pick<Site, "docker"> {
  /** The Docker image with the tools. */
  readonly toolsImage: string;
  /** The qcow2, on this machine. */
  readonly image: string;
  /** What the caller has claimed, a block device or a file on this machine. */
  readonly claimed: string;
  /** Whether the tool gets that, to read and write it. */
  readonly usesTarget: boolean;
  readonly command: readonly string[];
  readonly onLine: (line: string) => void;
  readonly signal: AbortSignal;
}

/**
 * Runs one of the tools in a container that has the image, read-only, and one target at most, and nothing else: no network, no
 * capabilities, no other device. It runs as the owner of what it is about, so whoever may write to a target can use it. Its stdin
 * is a lifeline, as for stages: when this process ends, so does the tool.
 *
 * The caller holds a claim on the target, so no other write can be at work on it: a container that works for it is a leftover.
 *
 * @returns the exit code
 */
export async function runTool(run: ToolRun): Promise<number> {
  const { docker, onLine, signal } = run;
  stopIfInterrupted(signal);
  const label = await labelOf(run);
  await removeLabelled(docker, [`${LABEL}=${label}`]);
  const exitCode = await runOwned(docker, {
    description: await describe(run, label),
    request: { settings: {} },
    onLine,
    signal,
  });
  stopIfInterrupted(signal);
  return exitCode;
}

const LABEL = "kragle.target";
/** The program that runs the tool, and ends it with this process. */
const LIFELINE = join(programsFolder, "common/lifeline.py");

/** The claimed file itself, not only its path, which in another container that shares the daemon is another file. */
async function labelOf({ claimed }: ToolRun): Promise<string> {
  const { dev, ino, rdev } = await stat(claimed);
  return `${claimed} ${rdev || `${dev}:${ino}`}`;
}

async function describe(
  { toolsImage, image, claimed, usesTarget, command }: ToolRun,
  label: string,
) {
  const target = usesTarget ? claimed : undefined;
  const facts = await stat(target ?? image);
  const bind = (Source: string, Target: string, ReadOnly: boolean) => ({
    ...{ Type: "bind" as const, Source, Target, ReadOnly },
  });
  const device = target !== undefined && facts.isBlockDevice();
  return {
    Image: toolsImage,
    // its text is handed over, so that any tools image will do
    Entrypoint: ["python3", "-c", await readFile(LIFELINE, "utf8")],
    Cmd: [...command],
    User: `${facts.uid}:${facts.gid}`,
    WorkingDir: "/",
    Env: ["KRAGLE_LIFELINE=1", "HOME=/tmp"],
    Labels: { [LABEL]: label },
    HostConfig: {
      ...CONFINED,
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
      PidsLimit: 256,
    },
  };
}
