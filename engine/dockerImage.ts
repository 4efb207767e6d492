import tar from "tar-fs";

import type { Site } from "../executors/site";
import { EXIT } from "../host/failure";
import { inPackage } from "../host/project";
import { contextFiles } from "../preview/dockerContext";
import { StepFailed } from "./events";

/** The inputs of a docker.Image resource that kragle uses. */
export interface DockerImageInputs {
  readonly imageName: string;
  readonly build: {
    readonly context: string;
    readonly dockerfile: string;
    readonly target: string;
    readonly platform: string;
    readonly args?: Readonly<Record<string, string>>;
  };
}

/**
 * Builds an image by BuildKit through the Docker API, as the Pulumi provider does; both share the daemon's build cache, and so make
 * one image where they ask for the same.
 *
 * @returns the image's id
 */
export async function buildDockerImage(
  { docker }: Site,
  inputs: DockerImageInputs,
  onLine: (line: string) => void,
  signal: AbortSignal,
  labels: Readonly<Record<string, string>> = {},
): Promise<string> {
  const { context, dockerfile, target, args, platform } = inputs.build;
  const name = dockerfile.slice(context.length + 1);
  const pack = tar.pack(inPackage(context), {
    entries: [...contextFiles(dockerfile), name],
    // one of the two Dockerfiles is a link to the other, so that each has ignore rules of its own
    dereference: true,
  });
  const stream = await docker.buildImage(pack, {
    t: inputs.imageName,
    dockerfile: name,
    target,
    buildargs: { ...args },
    labels,
    platform,
    version: "2",
    abortSignal: signal,
  });
  const tail: string[] = [];
  await new Promise<void>((resolve, reject) => {
    // missing in dockerode's types; unlike docker.modem.followProgress it decodes BuildKit's answers
    const { followProgress } = docker as unknown as { followProgress: FollowProgress };
    followProgress.call(
      docker,
      stream,
      (error, events) => {
        const failed = error?.message ?? events?.find((event) => event.error)?.error;
        if (failed === undefined) return resolve();
        const words = [`Docker could not build ${inputs.imageName}: ${failed}`, ...tail];
        reject(new StepFailed(inputs.imageName, words.join("\n  "), EXIT.lacking));
      },
      (event) => {
        for (const line of `${event.stream ?? event.status ?? ""}`.split("\n")) {
          if (!line.trim()) continue;
          const printed = printedByCommand(line);
          tail.push(printed ?? line);
          if (tail.length > 12) tail.shift();
          // a package manager's hundreds of lines are not shown; the last ones are kept for a failure
          if (printed === undefined) onLine(line);
        }
      },
    );
  });
  return (await docker.getImage(inputs.imageName).inspect()).Id;
}

/**
 * What a command of the Dockerfile printed comes in base64 (a slip of the client's decoder), what BuildKit itself says in plain text
 * with brackets, colons or blanks.
 */
function printedByCommand(line: string): string | undefined {
  if (!/^[A-Za-z0-9+/]+={0,2}$/.test(line) || line.length % 4 !== 0) return undefined;
  return Buffer.from(line, "base64").toString("utf8").trimEnd();
}

interface BuildEvent {
  readonly stream?: string;
  readonly status?: string;
  readonly error?: string;
}

type FollowProgress = (
  stream: NodeJS.ReadableStream,
  onFinished: (error: Error | null, events: BuildEvent[] | undefined) => void,
  onProgress: (event: BuildEvent) => void,
) => void;
