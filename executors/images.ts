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

/** Whether an image that the daemon has bears a label of that value. */
export async function isLabelled(
  { docker }: Pick<Site, "docker">,
  reference: string,
  [name, value]: readonly [name: string, value: string],
): Promise<boolean> {
  const filters = { reference: [reference], label: [`${name}=${value}`] };
  return (await docker.listImages({ filters })).length > 0;
}
