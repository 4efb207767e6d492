import assert from "node:assert/strict";

import fc from "fast-check";

import { atTheFoot, type Ladder, observe, type Progress } from "../../stages/smoke/ladder";
import { BootFailure } from "../../stages/smoke/climb";
import { explainBoot } from "../../stages/smoke/explainBoot";
import { planBoots } from "../../stages/smoke/boots";
import { JsonLines, type Message } from "../../stages/smoke/jsonLines";
import { guestExec } from "../../stages/smoke/guestExec";
import * as rungs from "../../stages/smoke/rungs";

const messages = (...chunks: readonly (Uint8Array | string)[]): Message[] => {
  const found: Message[] = [];
  const lines = new JsonLines((message) => found.push(message));
  for (const chunk of chunks) lines.write(Buffer.from(chunk));
  return found;
};
const kinds = (found: readonly Message[]) => found.map(({ kind }) => kind).join(" ");

describe("what a guest's agent may send", () => {
  it("is a message or bad, told by its beginning", () => {
    for (const line of ["null", "5", "[]", "[1,2]", '"x"', "{}", "hello", "true", "{", '{"a":1}']) {
      const [message] = messages(`${line}\n`);
      assert.deepEqual(message, { kind: "bad", words: JSON.stringify(line) });
    }
    assert.equal(kinds(messages('{"error":null}\n{"error":{"desc":5}}\n')), "error error");
    assert.equal(kinds(messages('{"event":5}\n{"event":"X","data":null}\n')), "bad bad");
    assert.equal(kinds(messages("[".repeat(2 ** 20) + "\n")), "bad");
    assert.equal(kinds(messages('{"a":'.repeat(2 ** 18) + "\n")), "bad");
  });

  it("is held up to a bound", function () {
    this.timeout(10_000);
    const piece = Buffer.alloc(2 ** 20, "x");
    const found: Message[] = [];
    const lines = new JsonLines((message) => found.push(message));
    const before = process.memoryUsage().arrayBuffers;
    for (let mebibytes = 0; mebibytes < 100; mebibytes++) lines.write(piece);
    assert.ok(process.memoryUsage().arrayBuffers - before < 2 ** 24);
    lines.write(Buffer.from('\n{"return": 1}\n'));
    assert.deepEqual(found, [
      { kind: "bad", words: "a line of more than 4194304 bytes" },
      { kind: "return", value: 1 },
    ]);
  });

  it("may be cut anywhere, in the middle of a letter too", () => {
    const whole = Buffer.from('\xff{"return": "grün 日本"}\n{"event": "SHUTDOWN"}\n', "utf8");
    const sent = Buffer.concat([Buffer.from([0xff]), whole.subarray(2)]);
    for (let cut = 0; cut <= sent.length; cut++) {
      assert.deepEqual(messages(sent.subarray(0, cut), sent.subarray(cut)), [
        { kind: "return", value: "grün 日本" },
        { kind: "event", event: "SHUTDOWN", data: {} },
      ]);
    }
  });

  it("never ends whoever reads it", () => {
    const bytes = fc.oneof(
      fc.uint8Array(),
      fc.json().map((text) => Buffer.from(`${text}\n`)),
    );
    fc.assert(fc.property(fc.array(bytes), (chunks) => void messages(...chunks)));
  });

  it("is no answer to guest-exec unless it has its shape", async () => {
    const { signal } = new AbortController();
    const answers = fc.oneof(fc.jsonValue(), fc.record({ pid: fc.jsonValue() }));
    await fc.assert(
      fc.asyncProperty(answers, fc.jsonValue(), async (first, second) => {
        const ask = (command: string) =>
          Promise.resolve(command === "guest-exec" ? first : (second ?? null));
        const isStatus = (value: unknown) =>
          (value as { exited?: unknown } | null)?.exited === false;
        fc.pre(!isStatus(second));
        await guestExec(ask, ["true"], signal).catch(({ message }: Error) =>
          assert.match(message, /^guest-exec(-status)? was answered with /),
        );
      }),
    );
  });
});

const ladder: Ladder = { rungs: [rungs.KERNEL, rungs.LOGIN], deadlineSeconds: 180 };
const hear = (progress: Progress, text: string) =>
  observe(ladder, progress, { kind: "console", text }, 1);

describe("what a guest may write on its console", () => {
  it("never ends whoever reads it, and stays within bounds", () => {
    const pieces = fc.oneof(
      fc.string({ unit: "binary" }),
      fc.constantFrom("\x1b[", "\x1b[31", "\x1b", "…[0m", "\r", "\n", "\0", "[ 1.000000] rcu"),
      fc.string({ unit: "binary" }).map((text) => text.repeat(500)),
    );
    const [boot] = planBoots(
      { proof: "quick", channel: "agent", firmware: ["bios"], diskBytes: 1 },
      () => assert.fail(),
    );
    fc.assert(
      fc.property(fc.array(pieces, { maxLength: 100 }), (texts) => {
        const progress = texts.reduce(hear, atTheFoot);
        assert.ok(progress.console.length <= 60);
        assert.ok(progress.console.every((line) => line.length <= 4096));
        const { message } = explainBoot(boot!, new BootFailure("x", progress));
        // oxlint-disable-next-line no-control-regex
        assert.doesNotMatch(message, /[\x00-\x08\x0b-\x1f\x7f]/);
      }),
    );
  });

  it("may be one line without an end, that costs neither memory nor time", function () {
    this.timeout(10_000);
    let progress = atTheFoot;
    const piece = "dracut ".repeat(9362);
    for (let sent = 0; sent < 60; sent++) progress = hear(progress, piece);
    assert.equal(progress.failure, undefined);
    assert.ok(progress.console.join("").length <= 4096);
    assert.equal(hear(progress, "\nhost login: ").seconds.login, 1);
  });

  it("ends the boot where it does not come to an end", () => {
    const progress = { ...atTheFoot, heard: 64 * 2 ** 20 };
    assert.equal(hear(progress, "x").failure, "the guest writes to its console without end");
  });
});
