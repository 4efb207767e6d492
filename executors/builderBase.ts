import { join } from "node:path";

import type { AnswerTo, dockerBase, RequestTo } from "../plan/stages/questions";
import { lockFile } from "../host/lock";
import { bootstrapImage } from "./bootstrapDebian";
import { inspectImage } from "./images";
import { EXIT, StageFailure } from "../host/failure";
import { hostTrust } from "../host/certificates";
import { type AptConfiguration, hostAptConfiguration } from "../host/packageMirror";
import { hostProxyEnvironment } from "../host/proxies";
import { NoAnswer, pullImage } from "./registry";
import type { Site } from "./site";
import { OWN_BASE, trustingBase } from "./trustingBase";

/** The builder base: the Docker image that the builder image is built on. The setting `baseImage` names it. */
export type BuilderBaseRequest = Pick<RequestTo<typeof dockerBase>, "reference">;

export interface BuilderBaseContext {
  /** Receives one line at a time; a line that starts with "» " opens a phase. */
  readonly print: (line: string) => void;
  readonly signal?: AbortSignal;
  /** That nothing will be built on it: then it is only looked for, and nothing is made for a build. */
  readonly unused?: boolean;
}

/**
 * Sees to it that the daemon has the builder base: as it is, pulled, or bootstrapped.
 *
 * @throws StageFailure (exit code 3) where the image can neither be pulled nor bootstrapped
 */
export async function provideBuilderBase(
  site: Site,
  request: BuilderBaseRequest,
  context: BuilderBaseContext,
): Promise<AnswerTo<typeof dockerBase>> {
  const present = await findBuilderBase(site, request);
  const found = present
    ? ({ image: present, how: "present" } as const)
    : await obtain(site, request, context);
  const apt = hostAptConfiguration(releaseOf(request.reference));
  const image = context.unused ? found.image : await knowing(site, found.image, apt);
  return { ...found, image, buildArgs: hostBuildArgs(apt) };
}

/**
 * Whoever is asked by https has to be known: Debian's own image knows nobody, and none knows an authority of the host's own, by which a
 * mirror, or a proxy that Packer's release is fetched through, may be certified.
 */
async function knowing(
  { docker, home }: Site,
  image: string,
  { sources }: AptConfiguration,
): Promise<string> {
  const trust = hostTrust();
  const isBootstrapped = image.startsWith(`${OWN_BASE}:`);
  if (isBootstrapped || trust.size === 0 || (trust.size === 1 && !sources.includes("https://"))) {
    return image;
  }
  const unlock = await lockFile(join(home, "base-image", "lock"), {});
  try {
    return await trustingBase(docker, image, trust);
  } finally {
    await unlock();
  }
}

/** The reference of a builder base that was bootstrapped on this machine. */
const bootstrappedImage = (release: string) => `${OWN_BASE}:${release}`;

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

/** The images that can stand for a reference. */
export const candidates = (reference: string): string[] =>
  isDebianImage(reference) ? [reference, bootstrappedImage(releaseOf(reference))] : [reference];

/** Names the image that the daemon already has for a request. */
export async function findBuilderBase(
  site: Pick<Site, "docker">,
  { reference }: BuilderBaseRequest,
): Promise<string | undefined> {
  for (const image of candidates(reference)) {
    const found = await inspectImage(site, image).catch((error: Error) => {
      throw unknownTo(image, error);
    });
    if (found) return image;
  }
  return undefined;
}

async function obtain(
  site: Site,
  request: BuilderBaseRequest,
  { print, signal }: BuilderBaseContext,
) {
  const { reference } = request;
  const release = releaseOf(reference);
  const folder = join(site.home, "base-image");
  const unlock = await lockFile(join(folder, "lock"), {
    onWait: (holder) => print(`waiting: ${holder} fetches the same image`),
  });
  try {
    const present = await findBuilderBase(site, request);
    if (present) return { image: present, how: "present" as const };
    print("» pull base image");
    try {
      await pullImage(site, reference, { print, signal });
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
    await bootstrapImage({ docker: site.docker, release, image, folder, print, signal });
    return { image, how: "bootstrapped" as const };
  } finally {
    await unlock();
  }
}

function hostBuildArgs({ sources, conf }: AptConfiguration): Record<string, string> {
  const base64 = (text: string) => Buffer.from(text).toString("base64");
  return {
    ...hostProxyEnvironment(),
    ...(sources ? { APT_SOURCES_B64: base64(sources) } : {}),
    ...(conf ? { APT_CONF_B64: base64(conf) } : {}),
  };
}

/** Why Docker could not say whether it has an image. */
function unknownTo(reference: string, error: NodeJS.ErrnoException & { statusCode?: number }) {
  const { message, code, statusCode } = error;
  if (statusCode === 400 || code === "ERR_UNESCAPED_CHARACTERS") {
    return new StageFailure(`"${reference}" cannot be the name of a Docker image: ${message}`, {
      hint: 'write the setting baseImage as in "debian:bookworm-slim"',
      exitCode: EXIT.wrongSettings,
    });
  }
  return new StageFailure(`Docker does not answer: ${message}`, {
    hint: 'run "./kragle setup", or "./kragle doctor" to see what is lacking',
    exitCode: EXIT.lacking,
  });
}
