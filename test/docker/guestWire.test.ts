import assert from "node:assert/strict";
import { execFile } from "node:child_process";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { chmodSync, copyFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { networkInterfaces, tmpdir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";

import type Docker from "dockerode";

import { closeNetwork } from "../../executors/closedNetwork";
import { openPort } from "../openPort";
import { docker } from "../site";
import { toolsImage } from "./toolsImage";

const run = promisify(execFile);

const SUBNET = `fd6b:7261:676c:${(process.pid % 0xffff).toString(16)}::`;
/** Where the container listens, besides where Packer does. */
const [INSIDE, PACKER] = [7777, 2222];

type Ends = Readonly<Record<string, readonly [address: string, port: number]>>;

/** Waits until a container reaches that end: for a second or two, both sides of a new network still ask whether their IPv6 addresses are taken. */
async function answers(container: Docker.Container, address: string, port: number): Promise<void> {
  const program = `import socket; socket.create_connection(("${address}", ${port}), 1)`;
  const tries = `for i in $(seq 20); do python3 -c '${program}' && exit; sleep 0.5; done; exit 1`;
  await run("docker", ["exec", container.id, "sh", "-c", tries]);
}

/**
 * What a guest could send that goes around its kernel's rules: frames into QEMU's user network, in a container whose network has IPv6,
 * before it is closed and after.
 */
describe("the wire of a guest", function () {
  this.timeout(120_000);
  let image: string;
  let folder: string;
  let network: Docker.Network | undefined;
  let container: Docker.Container | undefined;
  let gateway: string;
  let host: Awaited<ReturnType<typeof openPort>>;
  let allowed: Awaited<ReturnType<typeof openPort>>;
  let datagrams: Socket;
  let came = 0;

  before(async function () {
    image = await toolsImage(this);
    folder = mkdtempSync(join(tmpdir(), "kragle-wire-"));
    chmodSync(folder, 0o755);
    copyFileSync(join(__dirname, "guestWire.py"), join(folder, "guestWire.py"));
    network = await docker.createNetwork({
      Name: `kragle-wire-${process.pid}`,
      EnableIPv6: true,
      IPAM: { Driver: "default", Config: [{ Subnet: `${SUBNET}/64` }] },
    });
    container = await docker.createContainer({
      Image: image,
      Entrypoint: ["sleep", "300"],
      HostConfig: { AutoRemove: true, Binds: [`${folder}:/w:ro`], NetworkMode: network.id },
    });
    await container.start();
    gateway = Object.values((await container.inspect()).NetworkSettings.Networks)[0]!.Gateway;
    [host, allowed] = [await openPort("::"), await openPort("::")];
    datagrams = createSocket("udp4", () => came++).bind(0);
    await once(datagrams, "listening");
    await answers(container, `${SUBNET}1`, host.port);
  });
  after(async () => {
    await container?.remove({ force: true });
    await network?.remove();
    host?.close();
    allowed?.close();
    datagrams?.close();
    if (folder) rmSync(folder, { recursive: true });
  });

  /** @returns the names of those that answer */
  async function answering(tcp: Ends): Promise<string[]> {
    came = 0;
    const udp = [[gateway, datagrams.address().port]];
    writeFileSync(join(folder, "job"), JSON.stringify({ listen: [INSIDE, PACKER], tcp, udp }));
    const { stdout } = await run("docker", [
      ...["exec", "--env", "KRAGLE_SETTINGS=/w/job", container!.id, "python3", "/w/guestWire.py"],
    ]);
    const told = stdout.trimEnd().split("\n");
    assert.equal(told.length, Object.keys(tcp).length + 3, stdout);
    return told.filter((line) => line.endsWith(" open")).map((line) => line.split(" ")[0]!);
  }

  it("reaches what is around it, until that is closed; then only what is allowed, whatever it sends", async () => {
    const own = Object.values(networkInterfaces())
      .flatMap((all) => all ?? [])
      .filter(({ internal, family }) => !internal && family === "IPv4");
    const at = (addresses: readonly string[], port: number): Ends =>
      Object.fromEntries(addresses.map((one) => [`${one}/${port}`, [one, port] as const]));
    const reachable = {
      ...at(["10.0.2.2", "127.0.0.1", "127.8.9.10", "0.0.0.0", "255.255.255.255", "OWN"], INSIDE),
      ...at(["fec0::2", "ff02::1", "::1", "::ffff:127.0.0.1"], INSIDE),
      ...at([gateway, `::ffff:${gateway}`, `${SUBNET}1`], host.port),
      ...at(
        own.map(({ address }) => address),
        host.port,
      ),
    };
    const packer = at(["10.0.2.2"], PACKER);
    const exceptions = at([gateway, `::ffff:${gateway}`], allowed.port);
    const never = {
      ...at(["10.0.2.3", "10.0.2.9", "fec0::3", "fe80::2", "::127.0.0.1"], INSIDE),
      // QEMU's own SMB server, and what clouds answer
      ...{ ...at(["10.0.2.4"], 445), ...at(["10.0.2.4"], 139) },
      ...at(["169.254.169.254", "::ffff:169.254.169.254", "fd00:ec2::254"], 80),
      ...at([`64:ff9b::${gateway}`, "64:ff9b::169.254.169.254"], host.port),
    };
    const ends = { ...reachable, ...packer, ...exceptions, ...never };

    const before = await answering(ends);
    const open = [...Object.keys({ ...reachable, ...packer, ...exceptions }), "dhcp"];
    assert.deepEqual(before.sort(), open.sort());
    assert.equal(came, 1, "the datagram");

    await closeNetwork(docker, container!, { image, allow: [`${gateway}:${allowed.port}`] });
    const after = await answering(ends);
    assert.deepEqual(after.sort(), [...Object.keys({ ...packer, ...exceptions }), "dhcp"].sort());
    assert.equal(came, 0, "the datagram");
  });
});
