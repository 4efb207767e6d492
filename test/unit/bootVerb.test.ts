import assert from "node:assert/strict";
import type { EventEmitter } from "node:events";
import { mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { PassThrough } from "node:stream";
import { setTimeout as sleep } from "node:timers/promises";

import { diskFormat } from "../../cli/boot/diskFormat";
import { oneCommand } from "../../cli/boot/oneCommand";
import { Shell } from "../../cli/boot/shell";
import type { Terminal } from "../../cli/boot/terminal";
import type { StageFailure } from "../../host/failure";
import type { ContainerGuest } from "../../stages/smoke/containerGuest";
import type { GuestEvent } from "../../stages/smoke/guest";
import { kragle } from "../kragle";
import { TemporaryStore } from "../temporaryStore";
import { done, FakeGuest } from "./fakeGuest";

const { signal } = new AbortController();

describe("the format of a disk that is to be booted", () => {
  let folder: string;
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "kragle disks "))));
  afterEach(() => rmSync(folder, { recursive: true }));

  const sector = (at: number, bytes: string, sectors = 3) => {
    const disk = Buffer.alloc(512 * sectors);
    disk.write(bytes, at, "latin1");
    return disk;
  };
  const formatOf = (content: Buffer) => {
    const file = join(folder, "disk");
    writeFileSync(file, content);
    return diskFormat(file);
  };

  const known: [string, Buffer][] = [
    ["qcow2", sector(0, "QFI\xfb\0\0\0\x03")],
    ["vmdk", sector(0, "KDMV")],
    ["vhdx", sector(0, "vhdxfile")],
    ["vdi", sector(64, "\x7f\x10\xda\xbe")],
    ["vpc", sector(0, "conectix")],
    ["vpc", sector(1024, "conectix")],
    ["raw", sector(510, "\x55\xaa")],
  ];
  for (const [format, content] of known) {
    it(`is told by its content: ${format}`, async () => {
      assert.equal(await formatOf(content), format);
    });
  }

  it("is none where no machine could boot it, with what to do", async () => {
    for (const [content, words] of [
      [sector(0, "\x28\xb5\x2f\xfd"), /is compressed/],
      [sector(0, "\x1f\x8b"), /is compressed/],
      [sector(0, "hello"), /is no disk: neither/],
      [Buffer.alloc(0), /is no disk: neither/],
    ] as const) {
      await assert.rejects(formatOf(content), (error: StageFailure) => {
        assert.match(error.message, words);
        return error.details.exitCode === 2;
      });
    }
  });
});

/** A guest of which a test says when it does what, and an SSH server that lets in when it is told to. */
class Played {
  readonly typed: string[] = [];
  readonly said: string[] = [];
  screen = "";
  tell: (event: GuestEvent) => void = () => undefined;
  session:
    (PassThrough & { stderr: PassThrough; written: string[]; windows: number[][] }) | undefined;
  isOpen = false;
  private resized: () => void = () => undefined;

  readonly terminal = {
    write: (bytes: string | Uint8Array) => (this.screen += Buffer.from(bytes).toString()),
    say: (words: string) => this.said.push(words),
    size: { rows: 24, cols: 80 },
    onResize: (resized: () => void) => {
      this.resized = resized;
      return () => (this.resized = () => undefined);
    },
  } as unknown as Terminal;

  readonly made = {
    guest: {
      start: (tell: (event: GuestEvent) => void) => {
        this.tell = tell;
        return Promise.resolve();
      },
      type: (keys: Buffer) => this.typed.push(keys.toString()),
    },
    ssh: {
      reach: () => (this.isOpen ? Promise.resolve() : Promise.reject(new Error("not yet"))),
      open: () => {
        const windows: number[][] = [];
        const written: string[] = [];
        this.session = Object.assign(new PassThrough(), {
          stderr: new PassThrough(),
          ...{ written, windows },
          write: (keys: Buffer) => written.push(keys.toString()) > 0,
          setWindow: (...size: number[]) => windows.push(size),
        });
        return Promise.resolve(this.session);
      },
    },
  } as unknown as ContainerGuest;

  resize(): void {
    this.resized();
  }

  async until(holds: () => boolean): Promise<void> {
    for (let tries = 0; !holds() && tries < 200; tries++) await sleep(10);
    assert.ok(holds());
  }
}

describe("a shell in a booted image", () => {
  let played: Played;
  beforeEach(() => (played = new Played()));
  const open = (consoleOnly = false) => {
    const shell = new Shell(played.terminal, consoleOnly);
    const ended = shell.run(played.made, signal);
    return { shell, ended };
  };

  it("is the console, without the firmware's own talk, until root can log in", async () => {
    const { shell, ended } = open();
    await sleep(1);
    played.tell({ kind: "console", text: "SeaBIOS", firmware: true });
    played.tell({ kind: "console", text: "\u001b[1mlogin: " });
    shell.type(Buffer.from("root\r"));
    assert.equal(played.screen, "\u001b[1mlogin: ");
    assert.deepEqual(played.typed, ["root\r"]);
    played.isOpen = true;
    await played.until(() => played.session !== undefined);
    await played.until(() => played.said.length === 1);
    played.tell({ kind: "console", text: "not shown" });
    shell.type(Buffer.from("id\r"));
    played.session!.emit("data", Buffer.from("uid=0"));
    played.session!.stderr.emit("data", Buffer.from("!"));
    played.resize();
    assert.deepEqual(played.session!.written, ["id\r"]);
    assert.deepEqual(played.session!.windows, [[24, 80, 0, 0]]);
    assert.equal(played.screen, "\u001b[1mlogin: uid=0!");
    assert.deepEqual(played.said, ["root's shell, by SSH; its end (exit) ends the machine"]);
    played.session!.emit("exit", 0);
    played.session!.emit("close");
    assert.equal(await ended, "left");
  });

  it("is the console again where the connection ends before the shell, and then a shell again", async () => {
    const { shell, ended } = open();
    played.isOpen = true;
    await played.until(() => played.said.length === 1);
    const first = played.session;
    played.isOpen = false;
    first!.emit("close");
    await played.until(() => played.said.length === 2);
    shell.type(Buffer.from("x"));
    assert.deepEqual(played.typed, ["x"]);
    played.isOpen = true;
    await played.until(() => played.session !== first && played.said.length === 3);
    shell.leave();
    assert.equal(await ended, "left");
  });

  it("stays on the console where that is wanted", async () => {
    const { shell, ended } = open(true);
    played.isOpen = true;
    await sleep(50);
    assert.equal(played.session, undefined);
    shell.leave();
    assert.equal(await ended, "left");
  });

  it("ends with the machine, and says how", async () => {
    for (const [reason, end] of [
      ["guest-reset", "restarted"],
      ["guest-shutdown", { stopped: "guest-shutdown" }],
      ["QEMU ended with exit code 1", { stopped: "QEMU ended with exit code 1" }],
    ] as const) {
      const { ended } = open();
      await sleep(1);
      played.tell({ kind: "stopped", reason });
      assert.deepEqual(await ended, end);
    }
  });
});

describe("one command in a booted image", () => {
  const WAIT = "systemctl is-system-running --wait";
  const session = (what: (emitter: EventEmitter) => void) => {
    const opened = Object.assign(new PassThrough({ autoDestroy: false }), {
      stderr: new PassThrough(),
    });
    setTimeout(() => what(opened), 5);
    return opened;
  };
  const run = (what: (emitter: EventEmitter) => void, console = "Linux version 6\n") => {
    const guest = new FakeGuest({ [WAIT]: done("running\n") }, console);
    const commands: string[] = [];
    const ssh = {
      ...guest.channel("ssh"),
      open: (command: string) => {
        commands.push(command);
        return Promise.resolve(session(what));
      },
    };
    const made = { guest, ssh } as unknown as ContainerGuest;
    return { commands, guest, code: oneCommand(made, "id -u; true", 60, signal) };
  };

  it("gives its exit code, or that of the signal that ended it", async () => {
    const { code, commands } = run((s) => s.emit("exit", 7) && s.emit("close"));
    assert.equal(await code, 7);
    assert.deepEqual(commands, ["id -u; true"]);
    assert.equal(await run((s) => s.emit("exit", null, "TERM") && s.emit("close")).code, 143);
  });

  it("fails where the guest does not come up, or goes away, in words", async () => {
    const panic = "Linux version 6\nKernel panic - not syncing: VFS\n";
    const never = run(() => undefined, panic);
    await assert.rejects(never.code, /the kernel panicked.*\n.*last lines:\n[^]*Kernel panic/);
    const lost = run((s) => s.emit("close"));
    await assert.rejects(lost.code, /not run to its end: the connection ended/);
    const { guest, code } = run(() => undefined);
    setTimeout(() => guest.tell({ kind: "stopped", reason: "guest-reset" }), 50);
    await assert.rejects(code, /the guest restarted before it was asked to/);
  });
});

describe("kragle boot", function () {
  this.timeout(60_000);
  const at = new TemporaryStore();
  after(() => at.remove());

  it("gives no shell without a terminal, and says what to do", async () => {
    const { code, stderr } = await kragle(at.home, ["boot"]);
    assert.equal(code, 2);
    assert.match(stderr, /a shell needs a terminal, and this is none\n.*--exec COMMAND/);
  });

  it("does one thing: the console, or a command", async () => {
    const { code, stderr } = await kragle(at.home, ["boot", "--console", "--exec", "id"]);
    assert.equal(code, 2);
    assert.match(stderr, /'--console' cannot be used with option '--exec <command>'/);
  });
});
