import assert from "node:assert/strict";
import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdirSync, readdirSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { sha256File } from "../../host/files";
import { readPlacedId } from "../../host/placedId";
import { type Clone, jsonOf } from "../clone";
import { itInFullTier } from "../fullTier";
import { sharedClone } from "../sharedClone";
import { docker } from "../site";

const MINUTES = 60_000;
/** What somebody at a terminal waits for comes in this time. */
const TERMINAL_MS = 15 * MINUTES;

interface UpDocument {
  readonly outputs: { readonly imagePath: string; readonly imageSha256: string };
}

describe("a look into the dev image", function () {
  this.timeout(20 * MINUTES);

  let clone: Clone;
  let outputs: UpDocument["outputs"];
  before(async () => {
    clone = sharedClone();
    const finished = await clone.kragle(["up", "-s", "dev", "--engine", "embedded", "--json"]);
    assert.equal(finished.code, 0, finished.stderr);
    ({ outputs } = jsonOf<UpDocument>(finished));
  });

  const containers = async () => {
    const { id } = readPlacedId(clone.path(".kragle/id"))!;
    const label = [`kragle.store=${id}`];
    return (await docker.listContainers({ all: true, filters: { label } })).length;
  };
  const leftFolders = () =>
    readdirSync(clone.path(".kragle/work")).filter((name) => name.startsWith("boot-"));
  /** Nothing is left of it, and the image is what it was. */
  const assertGone = async () => {
    for (let tries = 0; tries < 60; tries++) {
      if ((await containers()) === 0 && leftFolders().length === 0) break;
      await sleep(500);
    }
    assert.equal(await containers(), 0);
    assert.deepEqual(leftFolders(), []);
    assert.equal(await sha256File(outputs.imagePath), outputs.imageSha256);
  };

  it("runs a command in a throw-away overlay, and ends with its exit code", async () => {
    const command = [
      "touch /root/mark; systemctl is-system-running; id -u; test -d /sys/firmware/efi && echo efi",
      "cat /dev/stdin; echo words >&2; exit 42",
    ].join("; ");
    // by UEFI: the proof has booted it by BIOS
    const finished = await clone.kragle(["boot", "--firmware", "uefi", "--exec", command]);
    assert.equal(finished.code, 42, finished.stderr);
    assert.equal(finished.stdout, "running\n0\nefi\n");
    assert.match(finished.stderr, /boot build\/dev\/output\/packer-kragle-qcow2 \(UEFI, /);
    assert.match(finished.stderr, /^words$/m);
    assert.doesNotMatch(finished.stderr, /PRIVATE|ssh-ed25519/);
    await assertGone();
  });

  itInFullTier("boots another format, in which nothing is left of an earlier look", async () => {
    const command = "test ! -d /sys/firmware/efi && test ! -e /root/mark && echo new";
    const finished = await clone.kragle(["boot", "raw", "--network", "--exec", command]);
    assert.equal(finished.stdout, "new\n", finished.stderr);
    assert.equal(finished.code, 0);
    await assertGone();
  });

  /** What somebody sees on a terminal who types these keys when the screen shows those words. */
  async function onTerminal(command: string, script: readonly (readonly [RegExp, string])[]) {
    // by the program of the package bsdutils, which every Debian has
    const child = spawn("script", ["-qefc", `./kragle ${command}`, "/dev/null"], {
      cwd: clone.folder,
      env: { ...process.env, KRAGLE_HOME: clone.path(".kragle"), TERM: "xterm" },
      stdio: ["pipe", "pipe", "inherit"],
    });
    let [screen, from] = ["", 0];
    const limit = performance.now() + TERMINAL_MS;
    child.stdout.setEncoding("utf8").on("data", (text: string) => (screen += text));
    const ended = once(child, "close") as Promise<[number | null]>;
    const gone = ended.then(() => true);
    for (const [shows, keys] of script) {
      for (;;) {
        const at = screen.slice(from).search(shows);
        if (at >= 0) {
          from += at + 1;
          break;
        }
        const ends = performance.now() > limit;
        if (ends) child.kill();
        if (ends || (await Promise.race([gone, sleep(200)])))
          assert.fail(`${String(shows)}:\n${screen.slice(-2000)}`);
      }
      child.stdin.write(keys);
    }
    const [code] = await ended;
    return { code, screen };
  }

  itInFullTier("gives root's shell on a terminal, which ends the machine", async () => {
    const { code, screen } = await onTerminal("boot", [
      [/root's shell, by SSH/, ""],
      [/[#$] /, "tty; stty size; exit\r"],
    ]);
    assert.equal(code, 0, screen);
    assert.match(screen, /Ctrl-\] leaves/);
    assert.match(screen, /Linux version|login:|GRUB/);
    assert.match(screen, /\/dev\/pts\/0/);
    await assertGone();
  });

  itInFullTier("gives the console, which Ctrl-] leaves", async () => {
    const { code, screen } = await onTerminal("boot --console", [
      [/GRUB|Linux|Booting/, ""],
      [/login: /, "nobody\r"],
      [/nobody\r+\n[^]*Password: /, "\x1d"],
    ]);
    assert.equal(code, 0, screen);
    await assertGone();
  });

  itInFullTier("keeps the guest of a failed build until somebody has looked into it", async () => {
    mkdirSync(clone.path("scripts"), { recursive: true });
    writeFileSync(
      clone.path("scripts/fails.sh"),
      "#!/bin/sh\necho left-by-it >/root/mark\nexit 7\n",
    );
    clone.addStack("broken", { provision: ["scripts/fails.sh"], path: clone.path("broken") });
    const { code, screen } = await onTerminal("up -s broken --keep --engine embedded", [
      [/Enter ends it; s and Enter/, "s\r"],
      [/[#$] $/, "cat /root/mark; exit\r"],
      [/left-by-it\r+\n[^]*Enter ends it/, "\r"],
    ]);
    assert.equal(code, 1, screen);
    assert.match(screen, /step 1 \(scripts\/fails\.sh\) ended with exit code 7/);
    await assertGone();
  });

  itInFullTier("leaves nothing behind when it is killed", async () => {
    const child = clone.start(["boot", "--exec", "sleep 1000"]);
    for (let tries = 0; (await containers()) === 0 && tries < 240; tries++) await sleep(500);
    assert.equal(await containers(), 1);
    // the launcher has become the program: it is the very process
    child.kill("SIGKILL");
    await once(child, "close");
    await assertGone();
  });
});
