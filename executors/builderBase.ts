import { join } from "node:path";

import type { AnswerTo, dockerBase, RequestTo } from "../plan/stages/questions";
import { lockFile } from "../host/lock";
import { bootstrapImage } from "./bootstrapDebian";
import { docker } from "./container";
import { EXIT, StageFailure } from "../host/failure";
import { hostAptConfiguration } from "../host/packageMirror";
import { hostProxyEnvironment } from "../host/proxies";
import { kragleHome } from "../host/project";
import { NoAnswer, pullImage } from "./registry";

/** The builder base: the Docker image that the builder image is built on. The setting `baseImage` names it. */
export type BuilderBaseRequest = Pick<RequestTo<typeof dockerBase>, "reference">;

export interface BuilderBaseContext {
  /** Receives one line at a time; a line that starts with "» " opens a phase. */
  readonly print: (line: string) => void;
  readonly signal?: AbortSignal;
}

/**
 * Sees to it that the daemon has the builder base: as it is, pulled, or bootstrapped.
 *
 * @throws StageFailure (exit code 3) where the image can neither be pulled nor bootstrapped
 */
export async function provideBuilderBase(
  request: BuilderBaseRequest,
  context: BuilderBaseContext,
): Promise<AnswerTo<typeof dockerBase>> {
  const present = await findBuilderBase(request);
  const found = present
    ? ({ image: present, how: "present" } as const)
    : await obtain(request, context);
  return { ...found, buildArgs: hostBuildArgs(releaseOf(request.reference)) };
}

/** The reference of a builder base that was bootstrapped on this machine. */
export const bootstrappedImage = (release: string) => `kragle-base:${release}`;

/**
 * A bootstrapped Debian can stand in for Debian's own image, not for one that somebody chose.
 *
 * @param reference as in settings: "debian:bookworm-slim", or with the namespace of official images, "HOST/library/debian@sha256:…"
 */
export function isDebianImage(reference: string): boolean {
  return /^(([^/]+\/)?library\/)?debian([:@]|$)/.test(reference);
}

/** The release that the builder is made for; for references that name none, and for images that somebody made of a Debian. */
const BUILDERS_RELEASE = "bookworm";

/** The code name in the tag of a Debian image: "debian:trixie-slim@sha256:…", "debian:trixie-20260803". */
export function releaseOf(reference: string): string {
  const tag = /:([a-z]+)(?:-[\w.-]+)?(?:@|$)/.exec(reference)?.[1];
  return tag && tag !== "latest" && isDebianImage(reference) ? tag : BUILDERS_RELEASE;
}

/** Names the image that the daemon already has for a request. */
export async function findBuilderBase({
  reference,
}: BuilderBaseRequest): Promise<string | undefined> {
  const candidates = isDebianImage(reference)
    ? [reference, bootstrappedImage(releaseOf(reference))]
    : [reference];
  for (const image of candidates) {
    try {
      await docker.getImage(image).inspect();
      return image;
    } catch (error) {
      if ((error as { statusCode?: number }).statusCode !== 404) throw unreachable(error as Error);
    }
  }
  return undefined;
}

async function obtain(request: BuilderBaseRequest, { print, signal }: BuilderBaseContext) {
  const { reference } = request;
  const release = releaseOf(reference);
  const folder = join(kragleHome, "base-image");
  const unlock = await lockFile(join(folder, "lock"), {
    onWait: (holder) => print(`waiting: ${holder} fetches the same image`),
  });
  try {
    const present = await findBuilderBase(request);
    if (present) return { image: present, how: "present" as const };
    print("» pull base image");
    try {
      await pullImage(reference, { print, signal });
      return { image: reference, how: "pulled" as const };
    } catch (error) {
      if (!(error instanceof NoAnswer) || !isDebianImage(reference)) {
        throw new StageFailure(
          `the base image ${reference} could not be pulled: ${(error as Error).message}`,
          {
            hint: `see that "docker pull ${reference}" works on this machine, or change the setting baseImage to an image that it can pull`,
            exitCode: EXIT.lacking,
          },
        );
      }
      print(
        `no registry answers (${error.message}); Debian ${release} is bootstrapped in its stead`,
      );
    }
    print("» bootstrap base image");
    const image = bootstrappedImage(release);
    await bootstrapImage({ release, image, folder, print, signal });
    return { image, how: "bootstrapped" as const };
  } finally {
    await unlock();
  }
}

function hostBuildArgs(release: string): Record<string, string> {
  const { sources, conf } = hostAptConfiguration(release);
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  return {
    ...hostProxyEnvironment(),
    ...(sources ? { APT_SOURCES_B64: base64(sources) } : {}),
    ...(conf ? { APT_CONF_B64: base64(conf) } : {}),
  };
}

function unreachable(error: Error): StageFailure {
  return new StageFailure(`Docker does not answer: ${error.message}`, {
    hint: 'run "./kragle setup", or "./kragle doctor" to see what is lacking',
    exitCode: EXIT.lacking,
  });
}
