import assert from "node:assert/strict";
import { createConnection } from "node:net";
import { once } from "node:events";
import { text } from "node:stream/consumers";

import type Docker from "dockerode";

import { stageKey } from "../../plan/description";
import { openPort } from "../openPort";
import { QEMU } from "./atWork";
import { countFaults, survived } from "./figures";
import { guestForEach } from "./tinyGuest";

/** Addresses and ports on which somebody listens in a container, such as "127.0.0.1:2222", of both families. */
async function listening(container: Docker.Container): Promise<string[]> {
  const exec = await container.exec({
    Cmd: ["cat", "/proc/net/tcp", "/proc/net/tcp6"],
    AttachStdout: true,
  });
  const table = await text(await exec.start({}));
  return [...table.matchAll(/\d+: ([0-9A-F]+):([0-9A-F]{4}) 0+:0000 0A/g)].map(
    ([, address, port]) => {
      const bytes = address!.length === 8 ? address!.match(/../g)!.reverse() : [address!];
      return `${bytes.map((byte) => (address!.length === 8 ? parseInt(byte, 16) : byte)).join(".")}:${parseInt(port!, 16)}`;
    },
  );
}

/** What a VNC server asks for, by its numbers: 1 is nothing, 2 a password (RFC 6143, section 7.1.2). */
async function askedBy(port: number): Promise<number[]> {
  const socket = createConnection(port, "127.0.0.1");
  // Docker accepts before QEMU listens
  const answer = async () =>
    (await once(socket, "data", { signal: AbortSignal.timeout(2000) })) as [Buffer];
  try {
    const [greeting] = await answer();
    assert.equal(greeting.toString(), "RFB 003.008\n");
    socket.write(greeting);
    const [kinds] = await answer();
    return [...kinds.subarray(1)];
  } finally {
    socket.destroy();
  }
}

describe("the screen of a guest that Packer builds", function () {
  this.timeout(120_000);
  const guest = guestForEach();
  countFaults();

  it("does not exist where nobody asked for one, and only Packer reaches its SSH", async () => {
    let found: string[] = [];
    const ended = await guest().fail({
      then: "repeat",
      during: async (run, key) => {
        await run.processIn(guest().at.store.id, key, QEMU);
        const container = await run.container(guest().at.store.id, key);
        while (found.length === 0) found = await listening(container);
        run.signal("SIGTERM");
      },
    });
    assert.equal(found.length, 1, found.join(" "));
    assert.match(found[0]!, /^127\.0\.0\.1:(2[2-9]|3\d|4[0-4])\d\d$/);
    assert.doesNotMatch(ended.stderr, /VNC/);
    survived({ fault: "somebody looks for the guest's screen", where: "image" });
  });

  it("is behind a password of that run where somebody asked for it", async () => {
    const { port, close } = await openPort("127.0.0.1");
    close();
    let asked: number[] = [];
    const ended = await guest().fail({
      then: "repeat",
      change: { vnc: port },
      during: async (run, key, call) => {
        assert.equal(stageKey(call.description), key);
        await run.processIn(guest().at.store.id, key, QEMU);
        while (asked.length === 0) asked = await askedBy(port).catch(() => []);
        run.signal("SIGTERM");
      },
    });
    assert.deepEqual(asked, [2]);
    assert.match(ended.stderr, new RegExp(`VNC at 127\\.0\\.0\\.1:${port}, password \\S{8};`));
    survived({
      fault: "somebody connects to the guest's screen without its password",
      where: "image",
    });
  });
});
