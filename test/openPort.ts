import { once } from "node:events";
import { type AddressInfo, createServer } from "node:net";

import { docker } from "./site";

/** A free port of this machine on which a server takes connections, and ends each at once, until it is closed. */
export async function openPort(address = "0.0.0.0"): Promise<{ port: number; close(): void }> {
  const server = createServer((connection) => connection.end()).listen(0, address);
  await once(server, "listening");
  return { port: (server.address() as AddressInfo).port, close: () => void server.close() };
}

/** The address at which containers of Docker's own network reach this machine. */
export async function bridgeGateway(): Promise<string> {
  const { IPAM } = (await docker.getNetwork("bridge").inspect()) as {
    IPAM: { Config: { Gateway?: string; Subnet: string }[] };
  };
  const { Gateway, Subnet } = IPAM.Config[0]!;
  return Gateway ?? Subnet.replace(/0\/\d+$/, "1");
}
