import type { Site } from "./site";

/** What is asked of a Docker image. */
export interface ImageFacts {
  /** Docker's id of it, "sha256:" and 64 digits. */
  readonly id: string;
  /** Digests of its layers, the lowest first. */
  readonly layers: readonly string[];
  readonly labels: Readonly<Record<string, string>>;
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
    const { Id, RootFS, Config } = await docker.getImage(reference).inspect();
    return { id: Id, layers: RootFS?.Layers ?? [], labels: Config?.Labels ?? {} };
  } catch (error) {
    if ((error as { statusCode?: number }).statusCode === 404) return undefined;
    throw error;
  }
}
