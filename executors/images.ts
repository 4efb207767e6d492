import { EXIT, StageFailure } from "../host/failure";
import type { Site } from "./site";

/** What is asked of a Docker image. */
export interface ImageFacts {
  /** Docker's id of it, "sha256:" and 64 digits. */
  readonly id: string;
  /** Digests of its layers, the lowest first. */
  readonly layers: readonly string[];
}

/**
 * Looks at an image that the daemon has.
 *
 * @param reference name with or without tag and digest, or an id
 * @returns undefined where the daemon has none of that name
 * @throws Error where the daemon does not answer
 */
export async function inspectImage(
  { docker }: Pick<Site, "docker">,
  reference: string,
): Promise<ImageFacts | undefined> {
  try {
    const { Id, RootFS } = await docker.getImage(reference).inspect();
    return { id: Id, layers: RootFS?.Layers ?? [] };
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return undefined;
    throw error;
  }
}

/** What there is to do where an image was there when a run was planned, and is no more. */
export const MADE_ANEW =
  "the image was deleted while this ran: run the same command again, which makes it anew; finished stages are kept";

/** @throws StageFailure where the daemon does not have the image any more */
export async function requireImage(
  site: Pick<Site, "docker">,
  reference: string,
): Promise<ImageFacts> {
  const found = await inspectImage(site, reference);
  if (found) return found;
  throw new StageFailure(`Docker has no image ${reference}`, {
    hint: MADE_ANEW,
    exitCode: EXIT.lacking,
  });
}

/**
 * Looks for an image that bears a label of that value, and for the one that the repository's plain name means.
 *
 * @param repository name without a tag
 * @returns the id of each; undefined where the daemon has none
 */
export async function findLabelled(
  { docker }: Pick<Site, "docker">,
  repository: string,
  [name, value]: readonly [name: string, value: string],
): Promise<{ readonly labelled: string | undefined; readonly latest: string | undefined }> {
  const images = await docker.listImages({ filters: { reference: [repository] } });
  return {
    labelled: images.find(({ Labels: labels }) => labels?.[name] === value)?.Id,
    latest: images.find(({ RepoTags: tags }) => tags?.includes(`${repository}:latest`))?.Id,
  };
}
