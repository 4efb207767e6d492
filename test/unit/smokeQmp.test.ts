import assert from "node:assert/strict";
import { mkdtempSync, rmSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { join } from "node:path";

import { JsonLineClient, type MonitorEvent } from "../../stages/smoke/qmp";

describe("the client of QEMU's monitor and guest agent", () => {
  const folder = mkdtempSync("/tmp/kragle-test-");
  const path = join(folder, "socket");
  let server: Server;
  let peer: Socket;
  let received: string[];

  beforeEach((done) => {
    received = [];
    server = createServer((socket) => {
      peer = socket;
      socket.on("data", (data) => received.push(data.toString("latin1")));
    }).listen(path, done);
  });
  afterEach((done) => {
    peer.destroy();
    server.close(done);
  });
  after(() => rmSync(folder, { recursive: true }));

  const open = async (onEvent?: (event: MonitorEvent) => void) => {
    const client = await JsonLineClient.open(path, onEvent);
    await new Promise((resolve) => setTimeout(resolve, 10));
    return client;
  };
  const send = (...messages: unknown[]) =>
    peer.write(messages.map((message) => JSON.stringify(message) + "\n").join(""));

  it("matches answers with requests, past the greeting and events", async () => {
    const events: string[] = [];
    const client = await open(({ event, data }) => events.push(`${event} ${String(data.reason)}`));
    send({ QMP: { version: {} } });
    const first = client.request("qmp_capabilities");
    const second = client.request("query-status");
    send({ event: "SHUTDOWN", data: { reason: "guest-shutdown" } }, { return: {} }, { return: 2 });
    assert.deepEqual(await first, {});
    assert.equal(await second, 2);
    assert.deepEqual(events, ["SHUTDOWN guest-shutdown"]);
    await new Promise((resolve) => setTimeout(resolve, 10));
    assert.match(received.join(""), /^\{"execute":"qmp_capabilities"/);
  });

  it("passes QEMU's own words on", async () => {
    const client = await open();
    const answer = client.request("screendump");
    send({ error: { class: "GenericError", desc: "no such device" } });
    await assert.rejects(answer, /no such device/);
  });

  it("gives up after the seconds, and comes into step again", async () => {
    const client = await open();
    await assert.rejects(client.request("guest-ping", {}, 0.02), /guest-ping was not answered/);
    const synchronized = client.synchronize(1);
    await new Promise((resolve) => setTimeout(resolve, 10));
    const id = Number(/"id":(\d+)/.exec(received.join(""))![1]);
    send({ return: {} }); // the late answer
    peer.write(Buffer.concat([Buffer.from([0xff]), Buffer.from(`{"return":${id}}\n`)]));
    await synchronized;
    const next = client.request("guest-ping");
    send({ return: "in step" });
    assert.equal(await next, "in step");
  });

  it("fails what waits when the connection ends", async () => {
    const client = await open();
    const answer = client.request("query-status");
    peer.destroy();
    await assert.rejects(answer, /closed the connection/);
    await assert.rejects(client.request("query-status"), /closed the connection/);
  });
});
