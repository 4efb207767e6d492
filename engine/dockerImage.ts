import { createHash } from "node:crypto";
import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";

import ignore from "@balena/dockerignore";
import canonicalize from "canonicalize";
import tar from "tar-fs";

import type { Site } from "../executors/site";
import { inProject } from "../host/project";
import { filesBelow } from "../infra/inputFiles";
import { sha256File } from "../host/files";
import { StepFailed } from "./events";
import { EXIT } from "../host/failure";

/** The inputs of a docker.Image resource that kragle uses. */
export interface DockerImageInputs {
  readonly imageName: string;
  readonly build: {
    readonly context: string;
    readonly dockerfile: string;
    readonly target: string;
    readonly args?: Readonly<Record<string, string>>;
  };
}

const LABEL = "kragle.context";

/** @returns the id of the image that was built of just these inputs, or undefined */
export async function findDockerImage(
  { docker }: Site,
  inputs: DockerImageInputs,
): Promise<string | undefined> {
  const image = await docker
    .getImage(inputs.imageName)
    .inspect()
    .catch(() => undefined);
  if (!image) return undefined;
  // a tag contains the builder's key; an image without one has to be compared by its label
  const known = inputs.imageName.includes(":");
  return known || image.Config.Labels?.[LABEL] === (await contextDigest(inputs))
    ? image.Id
    : undefined;
}

/**
 * Builds an image by BuildKit through the Docker API, as the Pulumi provider does; both share the daemon's build cache.
 *
 * @returns the image's id
 */
export async function buildDockerImage(
  { docker }: Site,
  inputs: DockerImageInputs,
  onLine: (line: string) => void,
  signal: AbortSignal,
): Promise<string> {
  const { context, dockerfile, target, args } = inputs.build;
  const name = dockerfile.slice(context.length + 1);
  const pack = tar.pack(inProject(context), {
    entries: [...contextFiles(inputs), name],
    // one of the two Dockerfiles is a link to the other, so that each has ignore rules of its own
    dereference: true,
  });
  const stream = await docker.buildImage(pack as unknown as NodeJS.ReadableStream, {
    t: inputs.imageName,
    dockerfile: name,
    target,
    buildargs: { ...args },
    labels: { [LABEL]: await contextDigest(inputs) },
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

/** The files of the context that the ignore file beside the Dockerfile lets through. */
function contextFiles({ build }: DockerImageInputs): string[] {
  const rules = `${inProject(build.dockerfile)}.dockerignore`;
  const filter = ignore().add(existsSync(rules) ? readFileSync(rules, "utf8") : "");
  return filesBelow(inProject(build.context))
    .filter((name) => !filter.ignores(name))
    .sort();
}

async function contextDigest(inputs: DockerImageInputs): Promise<string> {
  const files: Record<string, string> = {};
  for (const name of contextFiles(inputs)) {
    files[name] = await sha256File(join(inProject(inputs.build.context), name));
  }
  // the marker only makes a build run again; it changes nothing in the image
  const { KRAGLE_MARKER: _, ...args } = inputs.build.args ?? {};
  const build = { ...inputs.build, args };
  return createHash("sha256").update(canonicalize({ files, build })!).digest("hex");
}
