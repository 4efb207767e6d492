import type { Duplex } from "node:stream";
import { PassThrough } from "node:stream";
import { buffer } from "node:stream/consumers";

import type Docker from "dockerode";

import { connectInContainer } from "./containerPort";
import { demultiplex } from "./demultiplex";
import type { Running } from "./executor";
import { keyFilter } from "./labels";
import type { Site } from "./site";

/** A stage's container that another process of kragle's runs. */
export interface OthersContainer extends Running {
  /** The content of a small file in it. @throws Error where it cannot be read */
  read(path: string): Promise<string>;
}

/** Finds the container that runs for this store and key; undefined where none does. */
export async function runningContainer(
  { docker, home }: Site,
  storeId: string,
  key: string,
): Promise<OthersContainer | undefined> {
  const label = keyFilter(home, storeId, key);
  const [found] = await docker.listContainers({ filters: { label } });
  if (!found) return undefined;
  const container = docker.getContainer(found.Id);
  return {
    connect: (port): Promise<Duplex> => connectInContainer(container, port),
    read: (path) => readInContainer(container, path),
  };
}

async function readInContainer(container: Docker.Container, path: string): Promise<string> {
  const exec = await container.exec({
    Cmd: ["cat", path],
    ...{ AttachStdout: true, AttachStderr: true },
  });
  const stream = await exec.start({});
  const [content, words] = [new PassThrough(), new PassThrough()];
  demultiplex(container, stream, content, words);
  stream.on("end", () => [content, words].forEach((each) => each.end()));
  const [read, said] = await Promise.all([buffer(content), buffer(words)]);
  if ((await exec.inspect()).ExitCode !== 0) throw new Error(said.toString().trim());
  return read.toString();
}
