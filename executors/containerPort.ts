import { Duplex, PassThrough } from "node:stream";

import type Docker from "dockerode";

import { demultiplex } from "./demultiplex";

/**
 * Connects to a port on the loopback of a running container, which needs neither a network nor a published port for that: a bash
 * in the container carries the bytes.
 *
 * @returns the connection; it ends at once where nobody listens
 * @throws Error where the container does not run
 */
export async function connectInContainer(
  container: Docker.Container,
  port: number,
): Promise<Duplex> {
  const carry = `exec 3<>/dev/tcp/127.0.0.1/${port} && { cat <&0 >&3 & cat <&3; kill $!; }`;
  const exec = await container.exec({
    Cmd: ["bash", "-c", carry],
    ...{ AttachStdin: true, AttachStdout: true, AttachStderr: true },
  });
  const stream = await exec.start({ hijack: true, stdin: true });
  const fromPort = new PassThrough();
  const complaints = new PassThrough().resume();
  demultiplex(container, stream, fromPort, complaints);
  stream.on("error", () => fromPort.end());
  for (const event of ["end", "close"]) stream.on(event, () => fromPort.end());
  const connection = Duplex.from({ readable: fromPort, writable: stream });
  connection.on("error", () => undefined);
  connection.on("close", () => stream.destroy());
  return connection;
}
