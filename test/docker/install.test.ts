import assert from "node:assert/strict";
import { chmodSync, cpSync, existsSync, mkdirSync, mkdtempSync } from "node:fs";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { handToContainer } from "../../executors/handOver";
import { programs } from "./programs";
import { toolsImage } from "./toolsImage";
import { executor } from "../site";

const project = resolve(__dirname, "../..");
const DONE = "kragle: the installation is complete";

/** What anaconda 19 says on a serial line, shortened, with the escape sequences of the terminal that it draws there. */
const CONSOLE = [
  "[    0.000000] Linux version 3.10.0-229.el7.x86_64",
  "Starting installer, one moment...",
  "Creating disklabel on /dev/vda",
  "\\033[5;1HStarting package installation process",
  "Installing libgcc (1/40)",
  "\\033[2KInstalling bash (20/40)\\rInstalling kernel (40/40)",
  "Installing boot loader",
  "Generating initramfs",
  "Running post-installation scripts",
];

describe("an installation by the installer of an ISO", function () {
  this.timeout(120_000);
  let image: string;
  let folder: string;

  before(async function () {
    image = await toolsImage(this);
  });
  beforeEach(async () => {
    folder = mkdtempSync(join(tmpdir(), "kragle install ü "));
    for (const name of ["work", "logs", "iso"]) await handToContainer(join(folder, name));
    mkdirSync(join(folder, "fake"));
    cpSync(join(project, "builder/templates/rhel7"), join(folder, "template"), {
      recursive: true,
      dereference: true,
    });
    chmodSync(folder, 0o755);
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** Runs the program on an ISO with these files, with a QEMU (and a Packer) that does no more than these lines of shell. */
  async function install(qemu: string, { iso = "isolinux", seconds = 60, packer = "" } = {}) {
    writeFileSync(join(folder, "fake/qemu"), qemu);
    writeFileSync(join(folder, "fake/packer"), `#!/bin/sh\n${packer}`, { mode: 0o755 });
    const lines: string[] = [];
    const make = `mkdir -p /tmp/dvd/${iso} && echo K >/tmp/dvd/${iso}/vmlinuz && echo I >/tmp/dvd/${iso}/initrd.img`;
    const pack = `xorriso -as mkisofs -quiet -V "RHEL-7.1 Server.x86_64" -R -o /iso/installer.iso /tmp/dvd`;
    const run = "exec /usr/local/lib/kragle/install_system.py";
    const own = (name: string, at: string) => ({ at, path: join(folder, name) });
    const { exitCode } = await executor.run({
      storeId: "test",
      key: `install-${process.pid}`,
      image,
      run: [
        "sh",
        "-c",
        `export FAKE=/fake/qemu FAKE_ARGUMENTS=/logs/arguments; ${make} && ${pack} && ${run}`,
      ],
      settings: {
        diskBytes: 2 ** 32,
        memoryMiB: 1024,
        cpus: 2,
        accelerator: "tcg",
        seconds,
      },
      programs: programs(),
      inputs: [
        { at: "/usr/local/sbin/qemu-system-x86_64", path: join(__dirname, "fakeQemu.sh") },
        ...(packer ? [own("fake/packer", "/usr/local/sbin/packer")] : []),
        own("template", "/template"),
        own("fake", "/fake"),
      ],
      outputs: [own("iso", "/iso"), own("work", "/result"), own("logs", "/logs")],
      user: "builder",
      network: "none",
      log: join(folder, "log"),
      onLine: (line) => lines.push(line),
      deadlineSeconds: 100,
    });
    return { exitCode, lines, text: lines.join("\n") };
  }
  const say = (...lines: string[]) =>
    lines.map((line) => `printf '${line}\\r\\n' >>"$serial"`).join("\n");

  it("tells its phases and packages from the serial line and leaves a disk", async () => {
    const { exitCode, lines, text } = await install(
      `sleep 3\n${say(...CONSOLE)}\nsleep 2\n${say(DONE)}`,
    );
    assert.equal(exitCode, 0, text);
    assert.deepEqual(
      lines.filter((line) => line.startsWith("» ")),
      [
        "» read the ISO",
        "» start guest",
        "» start the installer",
        "» partition the disk",
        "» install packages",
        "» install the boot loader",
        "» make the initrd",
        "» run the kickstart's scripts",
        "» power off",
        "» check the disk",
      ],
    );
    assert.ok(lines.includes("package 40 of 40: kernel"), text);
    const facts = JSON.parse(readFileSync(join(folder, "work/base.json"), "utf8")) as {
      medium: string;
      packages: number;
    };
    assert.deepEqual([facts.medium, facts.packages], ["RHEL-7.1\\x20Server.x86_64", 40]);
    assert.ok(existsSync(join(folder, "work/disk.qcow2")));
  });

  it("starts the installer's own kernel with its medium and its kickstart, and without a restart", async () => {
    await install(say(DONE));
    const words = readFileSync(join(folder, "logs/arguments"), "utf8").split("\n");
    const after = (word: string) => words[words.indexOf(word) + 1];
    assert.equal(
      after("-append"),
      "inst.stage2=hd:LABEL=RHEL-7.1\\x20Server.x86_64 inst.ks=hd:LABEL=KS:/ks.cfg inst.gpt " +
        "console=tty0 console=ttyS0,115200n8 no_timer_check net.ifnames=0 biosdevname=0",
    );
    assert.match(after("-kernel")!, /\/vmlinuz$/);
    assert.match(after("-initrd")!, /\/initrd\.img$/);
    assert.equal(after("-m"), "2048M");
    // Packer 1.6 shows the screen to everybody unless it is told otherwise
    assert.deepEqual([words.filter((word) => word === "-vnc").length, after("-vnc")], [1, "none"]);
    assert.ok(words.includes("-no-reboot") && words.includes("-sandbox"));
    assert.equal(words.filter((word) => word.endsWith(",media=cdrom")).length, 2);
  });

  it("takes kernel and initrd from where network installations have them, too", async () => {
    const { exitCode, text } = await install(say(DONE), { iso: "images/pxeboot" });
    assert.equal(exitCode, 0, text);
  });

  it("fails without the kickstart's last word, although QEMU ended as if all were well", async () => {
    const { exitCode, text } = await install(say(...CONSOLE.slice(0, 6)));
    assert.equal(exitCode, 1);
    assert.match(
      text,
      /error: the installer did not come to its end; it stopped in the phase "install packages"/,
    );
    assert.match(text, /Installing kernel \(40\/40\)\nall of it: logs\/serial\.log$/);
    assert.equal(existsSync(join(folder, "work/disk.qcow2")), false);
  });

  it("fails with QEMU's own words when it crashes, even after the last word", async () => {
    const { exitCode, text } = await install(`${say(DONE)}\necho "qemu: out of luck" >&2\nexit 3`);
    assert.equal(exitCode, 1);
    assert.match(
      text,
      /error: QEMU ended with exit code 3 while the installer ran.*\n {2}qemu: out of luck/,
    );
  });

  it("ends at once when the installer gives up", async () => {
    const { exitCode, text } = await install(
      `${say(CONSOLE[0]!, "The installation was stopped due to an error which occurred", "No space left")}\nexec sleep 90`,
    );
    assert.equal(exitCode, 1);
    assert.match(
      text,
      /error: the installer gave up: The installation was stopped due to an error/,
    );
    assert.match(text, /No space left/);
  });

  it("says so when its time is over", async () => {
    const { exitCode, text } = await install(`${say(CONSOLE[0]!)}\nexec sleep 90`, { seconds: 5 });
    assert.equal(exitCode, 1);
    assert.match(text, /error: the installer did not come to its end/);
  });

  it("does not wait for what a killed Packer has left behind", async () => {
    const started = Date.now();
    const { exitCode, text } = await install("", { packer: "sleep 90 & kill -KILL $$" });
    assert.equal(exitCode, 1);
    assert.match(text, /error: the installer did not come to its end/);
    assert.ok(Date.now() - started < 30_000, text);
  });

  it("is refused for a medium without an installer", async () => {
    const { exitCode, text } = await install("", { iso: "docs" });
    assert.equal(exitCode, 1);
    assert.match(text, /error: the ISO installer\.iso \(RHEL-7\.1 Server\.x86_64\) has no kernel/);
  });
});
