import type { Readable, Writable } from "node:stream";

import type Docker from "dockerode";

/** Parts the one stream that Docker sends of a container into the two on which the container printed. */
export function demultiplex(
  container: Docker.Container,
  mixed: Readable,
  stdout: Writable,
  stderr: Writable,
): void {
  // dockerode's types leave it out
  const modem = container.modem as { demuxStream(...streams: (Readable | Writable)[]): void };
  modem.demuxStream(mixed, stdout, stderr);
}
