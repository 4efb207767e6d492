import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";

import { docker } from "../site";
import { connectInContainer } from "../../executors/containerPort";
import { toolsImage } from "./toolsImage";

const PORT = 2222;
/** Greets, and answers each piece in capitals until it is told to end. */
const SERVER = `
import socket
server = socket.create_server(("127.0.0.1", ${PORT}))
print("ready", flush=True)
while True:
    peer, _ = server.accept()
    peer.sendall(b"hello\\xff\\n")
    while (piece := peer.recv(65536)) and piece != b"end":
        peer.sendall(piece.upper())
    peer.close()
`;

describe("a port inside of a container without a network", function () {
  this.timeout(60_000);
  let container: Awaited<ReturnType<typeof docker.createContainer>>;

  before(async function () {
    container = await docker.createContainer({
      Image: await toolsImage(this),
      Entrypoint: ["python3", "-c", SERVER],
      Cmd: [],
      User: "10177",
      HostConfig: { NetworkMode: "none", CapDrop: ["ALL"], ReadonlyRootfs: true },
    });
    await container.start();
    for (;;) {
      const log = await container.logs({ stdout: true });
      if (log.includes("ready")) break;
      await sleep(100);
    }
  });
  after(() => container?.remove({ force: true }));

  it("carries bytes both ways, and its end", async () => {
    const connection = await connectInContainer(container, PORT);
    const pieces: Buffer[] = [];
    connection.on("data", (piece: Buffer) => pieces.push(piece));
    const received = async (text: string) => {
      while (!Buffer.concat(pieces).includes(Buffer.from(text, "latin1"))) await sleep(20);
    };
    await received("hello\xff\n");
    const large = "x".repeat(300_000);
    connection.write(large);
    await received(large.toUpperCase());
    const ended = once(connection, "end");
    connection.write("end");
    await ended;
  });

  it("ends at once where nobody listens", async () => {
    const connection = await connectInContainer(container, PORT + 1);
    connection.resume();
    await once(connection, "end");
  });
});
