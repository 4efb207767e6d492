import type { Site } from "./site";

/** No registry answered; the message is the daemon's, or says how long there was silence. */
export class NoAnswer extends Error {}

/** A daemon normally says at once that a name is unknown or a registry out of reach; a firewall may drop its packets without an answer. */
const ANSWER_SECONDS = 20;
/** Longest silence while layers are fetched and unpacked. */
const STALL_SECONDS = 180;

interface PullEvent {
  readonly status?: string;
  readonly id?: string;
  readonly error?: string;
}

interface PullOptions {
  readonly print: (line: string) => void;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Pulls an image by the daemon, which knows mirrors and proxies. Credentials are not sent: an image of a private registry
 * has to be pulled by the Docker client beforehand.
 *
 * @throws NoAnswer where no registry answers; Error where one does, and refuses
 */
export async function pullImage(
  { docker }: Pick<Site, "docker">,
  reference: string,
  { print, signal }: PullOptions,
): Promise<void> {
  const silence = new Silence(ANSWER_SECONDS, signal);
  try {
    const stream = await docker.pull(reference, { abortSignal: silence.signal });
    await new Promise<void>((resolve, reject) => {
      docker.modem.followProgress(
        stream,
        (error) => (error ? reject(error) : resolve()),
        (event: PullEvent) => {
          silence.broken(STALL_SECONDS);
          if (event.status && /complete$|^Digest|^Status|^Pulling from/.test(event.status)) {
            print([event.id, event.status].filter(Boolean).join(": "));
          }
        },
      );
    });
  } catch (error) {
    signal?.throwIfAborted();
    if (silence.signal.aborted) throw new NoAnswer(`silence for ${silence.seconds} s`);
    throw classify(error as Error & { statusCode?: number });
  } finally {
    silence.end();
  }
}

/**
 * Lets the daemon ask whether a registry answers for an image, without pulling it.
 *
 * @returns undefined where it answers, even if it refuses; else the daemon's words
 */
export async function registryObstacle(
  site: Pick<Site, "docker">,
  reference: string,
  seconds: number,
): Promise<string | undefined> {
  const silence = new Silence(seconds);
  try {
    await inspectDistribution(site, reference, silence.signal);
    return undefined;
  } catch (error) {
    if (silence.signal.aborted) return `silence for ${seconds} s`;
    const { message, refused } = read(error as Error & { statusCode?: number });
    return refused ? undefined : message;
  } finally {
    silence.end();
  }
}

/** As dockerode's `distribution()`, which cannot be aborted. */
function inspectDistribution(
  { docker }: Pick<Site, "docker">,
  reference: string,
  abortSignal: AbortSignal,
): Promise<unknown> {
  const path = `/distribution/${reference}/json`;
  const request = { path, method: "GET", statusCodes: { 200: true }, abortSignal };
  return new Promise((resolve, reject) => {
    docker.modem.dial(request, (error: Error | null, answer: unknown) =>
      error ? reject(error) : resolve(answer),
    );
  });
}

/** The daemon answers 4xx when the registry said no, and 500 when it could not be asked; a registry's "too many requests" comes as 500 too. */
function read(error: Error & { statusCode?: number }) {
  const message = error.message.replace(/^\(HTTP code \d+\) [\w ]+ - /, "").trim();
  return { message, refused: error.statusCode !== undefined && error.statusCode < 500 };
}

function classify(error: Error & { statusCode?: number }): Error {
  const { message, refused } = read(error);
  return refused ? new Error(message) : new NoAnswer(message);
}

/** Aborts when nothing was heard for a time, or when the caller wants to end. */
class Silence {
  private readonly controller = new AbortController();
  private timer: NodeJS.Timeout;
  private readonly onAbort = () => this.controller.abort();

  constructor(
    public seconds: number,
    private readonly outer?: AbortSignal,
  ) {
    this.timer = setTimeout(this.onAbort, seconds * 1000);
    outer?.addEventListener("abort", this.onAbort);
  }

  get signal(): AbortSignal {
    return this.controller.signal;
  }

  /** Something was heard: from now on so many seconds of silence are allowed. */
  broken(seconds: number): void {
    clearTimeout(this.timer);
    this.seconds = seconds;
    this.timer = setTimeout(this.onAbort, seconds * 1000);
  }

  end(): void {
    clearTimeout(this.timer);
    this.outer?.removeEventListener("abort", this.onAbort);
  }
}
