import type { Site } from "./site";

/** A daemon that works answers in milliseconds. */
const ANSWER_SECONDS = 5;

/** Why Docker's daemon does not answer; undefined where it does. */
export async function dockerObstacle({
  docker,
}: Pick<Site, "docker">): Promise<{ code: string; words: string } | undefined> {
  try {
    // dockerode's types leave out that it takes options and returns a promise
    const options = { abortSignal: AbortSignal.timeout(ANSWER_SECONDS * 1000) } as never;
    await (docker.ping(options) as unknown as Promise<unknown>);
    return undefined;
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    return { code: String(code ?? ""), words: message };
  }
}
