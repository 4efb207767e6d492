import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { hostname } from "node:os";
import { setTimeout as sleep } from "node:timers/promises";

import type { EngineEvent } from "../../engine/events";
import { isLeftLocked } from "../../engine/pulumiCli";
import { EventTranslator } from "../../engine/pulumiEvents";
import type { PulumiEvent } from "../../engine/pulumiProcess";

const urn = (name: string) => `urn:pulumi:dev::kragle::type::${name}`;
const COMMAND = "command:local:Command";
const metadata = (name: string, op: string, type = COMMAND) => ({ op, type, urn: urn(name) });
const before = (name: string, op: string, type?: string) => ({
  resourcePreEvent: { metadata: metadata(name, op, type) },
});
const after = (name: string, op: string, type?: string) => ({
  resOutputsEvent: { metadata: metadata(name, op, type) },
});
const said = (name: string, message: string, severity = "info#err") => ({
  diagnosticEvent: { urn: urn(name), message, severity, ephemeral: severity !== "error" },
});

/** What kragle makes of the engine's events. */
function translated(events: readonly object[], preview = false) {
  const heard: EngineEvent[] = [];
  const translator = new EventTranslator({ preview, onEvent: (event) => heard.push(event) });
  for (const event of events) translator.take(event as PulumiEvent);
  return { heard, translator };
}

describe("the events of the Pulumi CLI", () => {
  it("tell a stage that works from one whose result is there, by whether it says anything", () => {
    const { heard } = translated([
      before("base", "same"),
      after("base", "same"),
      before("image", "create"),
      after("image", "create"),
      before("check", "update"),
      said("check", "» unpack\n49 rules hold\n"),
      after("check", "update"),
      after("convert-raw", "delete"),
    ]);
    assert.deepEqual(heard, [
      { kind: "done", step: "base", from: "unchanged" },
      { kind: "done", step: "image", from: "store" },
      { kind: "start", step: "check" },
      { kind: "line", step: "check", text: "» unpack" },
      { kind: "line", step: "check", text: "49 rules hold" },
      { kind: "done", step: "check", from: "run" },
    ]);
  });

  it("have a Docker build start with its operation", () => {
    const type = "docker:index/image:Image";
    const { heard } = translated([
      before("builder", "update", type),
      after("builder", "update", type),
    ]);
    assert.deepEqual(heard, [
      { kind: "start", step: "builder" },
      { kind: "done", step: "builder", from: "run" },
    ]);
  });

  it("start nothing in a preview, and count what would change", () => {
    const { heard } = translated(
      [before("check", "update"), { summaryEvent: { resourceChanges: { update: 1, same: 15 } } }],
      true,
    );
    assert.deepEqual(heard, [{ kind: "resources", changes: { update: 1, same: 15 } }]);
  });

  it("carry the words of the first failure, without the command's text and status", () => {
    const { heard, translator } = translated([
      before("smoke", "create"),
      said(
        "smoke",
        '<{%fg 1%}>exit status 3: running "exec ./kragle stage smoke":\n» boot\n✗ smoke: no login\n✗   logs: x\n<{%reset%}>',
        "error",
      ),
      { resOpFailedEvent: { metadata: metadata("smoke", "create") } },
      said("release", "another error", "error"),
    ]);
    assert.equal(translator.failure?.message, "smoke: no login\n  logs: x");
    assert.equal(translator.failure.exitCode, 3);
    assert.deepEqual(heard, [
      { kind: "failed", step: "smoke", message: "smoke: no login\n  logs: x" },
    ]);
  });

  it("carry the stack's outputs", () => {
    const outputs = { imageSha256: "a" };
    const { translator } = translated([
      {
        resOutputsEvent: {
          metadata: { ...metadata("kragle-dev", "same", "pulumi:pulumi:Stack"), new: { outputs } },
        },
      },
    ]);
    assert.deepEqual(translator.outputs, outputs);
  });
});

describe("a locked stack", () => {
  const message = (host: string, pid = 77) =>
    [
      "error: the stack is currently locked by 1 lock(s). Either wait for the other process(es) to end or delete the lock file with `pulumi cancel`.",
      `  file:///state/.pulumi/locks/x.json: created by root@${host} (pid ${pid}) at 2026-11-01T00:00:00Z`,
    ].join("\n");
  const alive = (pid: number) => pid !== 77;

  it("was left so by a process of this machine that is no more", () => {
    assert.equal(isLeftLocked(message(hostname()), alive), true);
  });

  it("was left so by a process that has ended, though nobody has waited for it yet", async () => {
    // the second sleep knows nothing of the child that it got from the shell
    const parent = spawn("sh", ["-c", "sleep 0 & echo $!; exec sleep 9"]);
    const [line] = (await once(parent.stdout, "data")) as [Buffer];
    const pid = Number(line.toString());
    try {
      while (!isLeftLocked(message(hostname(), pid))) await sleep(20);
      assert.match(readFileSync(`/proc/${pid}/stat`, "utf8"), /\) Z /);
      assert.equal(isLeftLocked(message(hostname(), parent.pid)), false);
    } finally {
      parent.kill();
    }
  });

  it("is another's where that process lives, or is of another machine", () => {
    assert.equal(
      isLeftLocked(message(hostname()), () => true),
      false,
    );
    assert.equal(isLeftLocked(message(`${hostname()}2`), alive), false);
    assert.equal(isLeftLocked("error: no stack named 'dev'", alive), false);
    assert.equal(isLeftLocked("", alive), false);
  });
});
