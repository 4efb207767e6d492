import assert from "node:assert/strict";
import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { once } from "node:events";
import {
  cpSync,
  linkSync,
  lstatSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  readlinkSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { writeStackRecord } from "../../store/stackRecord";
import { canLoop, LoopDevice, losetup, MIB } from "../docker/smallDisk";
import { inBash } from "../inBash";
import { sha256 } from "../sha256";
import { ownerOf } from "../stacks";
import { TemporaryStore } from "../temporaryStore";
import { countFaults, countLostBytes, survived } from "./figures";
import { python } from "./suspectRelease";

const BYTES = 4 * MIB;

const BIND = `import os, socket, sys
os.chdir(sys.argv[1]); socket.socket(socket.AF_UNIX).bind(sys.argv[2])`;

/** `./kragle write` to what must not be written, with every consent that it asks for, so that only the target can be the reason. */
describe("write refuses, and changes no byte of", function () {
  this.timeout(120_000);
  let at: TemporaryStore;
  let folder: string;
  /** A file of the store: an image, as large as the released one. */
  let artifact: string;
  let undo: (() => unknown)[];
  countFaults();

  beforeEach(async () => {
    undo = [];
    at = new TemporaryStore();
    folder = realpathSync(mkdtempSync(join(tmpdir(), "kragle targëts ")));
    const { folder: published } = await at.publish({ "image.qcow2": disk().toString("latin1") });
    artifact = join(published, "image.qcow2");
    mkdirSync(path("output"));
    cpSync(artifact, path("output/packer-kragle-qcow2"));
    writeFileSync(path("output/kragle.raw"), disk());
    await writeStackRecord(at.home, ownerOf(at.home, "dev"), {
      engine: "embedded",
      finishedAt: "2026-11-01T00:00:00Z",
      outputs: {
        imagePath: path("output/packer-kragle-qcow2"),
        imageSha256: sha256(disk()),
        imageBytes: BYTES,
        imageVirtualBytes: BYTES,
        builderImageId: "kragle-tools:none",
        conversions: {
          raw: { path: path("output/kragle.raw"), sha256: sha256(disk()), bytes: BYTES },
        },
      },
    });
  });
  afterEach(() => {
    for (const step of undo.reverse()) step();
    at.remove();
    rmSync(folder, { recursive: true });
  });

  const path = (name: string) => join(folder, name);
  /** What a disk begins with, a partition table's signature, and of which no other reason can be given. */
  const disk = () => {
    const content = Buffer.alloc(BYTES, "\0");
    content.writeUInt16BE(0x55aa, 510);
    return content;
  };
  const file = (name = "disk.raw", content: string | Buffer = disk()) => {
    writeFileSync(path(name), content);
    return path(name);
  };
  function loop(bytes = BYTES, content = disk()): LoopDevice {
    const device = new LoopDevice(path("loop.img"), bytes, content);
    undo.push(() => device.remove());
    return device;
  }
  const run = (command: string, ...args: string[]) => void execFileSync(command, args);

  /** A process that has a file open, as a virtual machine has its disk. */
  async function hold(name: string, mode: string): Promise<void> {
    const script = `import sys, time
f = open(sys.argv[1], "${mode}"); print("ready", flush=True); time.sleep(100)`;
    const child: ChildProcess = spawn("python3", ["-c", script, name]);
    undo.push(() => child.kill("SIGKILL"));
    await once(child.stdout!, "data");
  }

  /** All that can be seen of whatever lies in the two folders: kinds, modes, times, and every byte. */
  function everything(): string {
    const seen: string[] = [];
    for (const root of [folder, join(at.home, "store")]) {
      for (const name of readdirSync(root, { recursive: true, encoding: "utf8" }).sort()) {
        const facts = lstatSync(join(root, name));
        const what = facts.isFile()
          ? sha256(readFileSync(join(root, name)))
          : facts.isSymbolicLink()
            ? readlinkSync(join(root, name))
            : "";
        seen.push(`${name} ${facts.mode} ${facts.ino} ${facts.size} ${facts.mtimeMs} ${what}`);
      }
    }
    return seen.join("\n");
  }

  interface Refusal {
    /** @returns the target as it is given, or undefined where this machine has no such thing */
    make(): string | undefined | Promise<string | undefined>;
    readonly words: RegExp;
    readonly root?: boolean;
    /** Arguments besides the consent. */
    readonly more?: string;
  }
  const device = { root: true };
  const REFUSALS: Record<string, Refusal> = {
    "somebody's text": {
      make: () => file("notes.txt", "precious"),
      words: /it is no disk of the image's size: it has .*8 bytes/,
      more: "--device-size 8",
    },
    "a file of the image's size that is no disk": {
      make: () => file("photos.tar", Buffer.alloc(BYTES, "photo ")),
      words: /it is no disk: /,
    },
    "a disk of another size": {
      make: () => file("big.raw", Buffer.alloc(BYTES + 512)),
      words: /it is no disk of the image's size/,
    },
    "a link to somebody's text": {
      make: () => (symlinkSync(file("notes.txt", "precious"), path("link")), path("link")),
      words: /it is no disk of the image's size/,
    },
    "a link that leads nowhere": {
      make: () => (symlinkSync("/nowhere", path("link")), path("link")),
      words: /is a symbolic link that leads nowhere/,
    },
    "a disk that a process reads": {
      make: async () => (await hold(file(), "rb"), path("disk.raw")),
      words: /process \d+ \(python3[^)]*\) has it open/,
    },
    "a disk that a process writes, by its other name": {
      make: async () => {
        linkSync(file(), path("other.raw"));
        await hold(path("other.raw"), "r+b");
        return path("disk.raw");
      },
      words: /process \d+ \(python3[^)]*\) has it open/,
    },
    "the file behind a loop device": {
      ...device,
      make: () => loop().file,
      words: /it is the backing file of \/dev\/loop/,
    },
    "the file behind a mounted file system": {
      ...device,
      make: () => {
        mkdirSync(path("mounted"));
        const { path: name, file: backing } = loop(16 * MIB, Buffer.alloc(0));
        run("mkfs.ext4", "-q", name);
        run("mount", "-o", "ro,noload", name, path("mounted"));
        undo.push(() => run("umount", path("mounted")));
        return backing;
      },
      words: /it is the backing file of \/dev\/loop/,
    },
    "a file on which something is mounted": {
      ...device,
      make: () => {
        run("mount", "--bind", file("other.raw"), file());
        undo.push(() => run("umount", path("disk.raw")));
        return path("disk.raw");
      },
      words: /something is mounted on it/,
    },
    "swap in a file": {
      ...device,
      make: () => {
        run("chmod", "600", file("disk.raw", Buffer.alloc(BYTES)));
        run("mkswap", "--quiet", path("disk.raw"));
        try {
          execFileSync("swapon", [path("disk.raw")], { stdio: "ignore" });
        } catch {
          return undefined;
        }
        undo.push(() => run("swapoff", path("disk.raw")));
        return path("disk.raw");
      },
      words: /swap/,
    },
    "the released image": {
      make: () => path("output/packer-kragle-qcow2"),
      words: /it is a file of kragle's own/,
    },
    "a released conversion, by a hard link": {
      make: () => (linkSync(path("output/kragle.raw"), path("mine.raw")), path("mine.raw")),
      words: /it is a file of kragle's own: .*output\/kragle\.raw/,
    },
    "the released image, by a link": {
      make: () => (symlinkSync("output/packer-kragle-qcow2", path("link")), path("link")),
      words: /it is a file of kragle's own/,
    },
    "an image of the store": { make: () => artifact, words: /where kragle keeps its store/ },
    "a new file in the store": {
      make: () => join(at.home, "store/new.raw"),
      words: /where kragle keeps its store/,
    },
    "the store itself": { make: () => at.home, words: /is a folder/ },
    "a folder": { make: () => (mkdirSync(path("folder")), path("folder")), words: /is a folder/ },
    "a FIFO": { make: () => (run("mkfifo", path("fifo")), path("fifo")), words: /is a FIFO/ },
    "a socket": {
      make: () => (python(BIND, folder, "socket"), path("socket")),
      words: /is a socket/,
    },
    "a device without end": { make: () => "/dev/zero", words: /is a character device/ },
    "a disk's bare name": { make: () => "sdzz", words: /sdzz is the name of a disk/ },
    "a device's bare name": { make: () => "null", words: /may mean the device \/dev\/null/ },
    "a new name in /dev": { make: () => "/dev/kragle-none", words: /there is no device/ },
    "a name in a folder that is not there": {
      make: () => path("none/disk.raw"),
      words: /there is no folder/,
    },
    "a device that is too small": {
      ...device,
      make: () => loop(BYTES / 2, disk().subarray(0, BYTES / 2)).path,
      words: /small|smaller|has .* bytes/,
      more: `--device-size ${BYTES / 2}`,
    },
    "a device that is not of the size that was said": {
      ...device,
      make: () => loop(BYTES * 2, Buffer.alloc(0)).path,
      words: /bytes, not/,
    },
    "a device that is mounted": {
      ...device,
      make: () => {
        mkdirSync(path("mounted"));
        const { path: name } = loop(16 * MIB, Buffer.alloc(0));
        run("mkfs.ext4", "-q", name);
        run("mount", "-o", "ro,noload", name, path("mounted"));
        undo.push(() => run("umount", path("mounted")));
        return name;
      },
      words: /mounted/,
      more: `--device-size ${16 * MIB}`,
    },
    "a device that cannot be written": {
      ...device,
      make: () => {
        const { path: name } = loop();
        run("blockdev", "--setro", name);
        return name;
      },
      words: /read-only|cannot be written/,
    },
    "a device that another device is made of": {
      ...device,
      make: () => {
        const { path: name } = loop();
        const upper = losetup("--find", "--show", name);
        undo.push(() => losetup("--detach", upper));
        return name;
      },
      words: /it is behind \/dev\/loop/,
    },
    "a device that a process may write to": {
      ...device,
      make: async () => {
        const { path: name } = loop();
        await hold(name, "r+b");
        return name;
      },
      words: /it is open in process \d+ \(python3[^)]*\), which may write to it/,
    },
    "a device node without a device": {
      ...device,
      make: () => (run("mknod", path("node"), "b", "251", "99"), path("node")),
      words: /is the node of a device that this machine has not/,
    },
  };
  for (const [what, { make, words, root, more }] of Object.entries(REFUSALS)) {
    it(what, async function () {
      if (root && !canLoop()) this.skip();
      const target = await make();
      if (target === undefined) return this.skip();
      const before = everything();
      const consent = more ?? `--device-size ${BYTES}`;
      const line = `kragle write "$1" --yes --virtual ${consent}`;
      const { code, stderr } = await inBash(at.home, line, [target], { seconds: 60 });
      assert.match(stderr, words);
      assert.equal(code, 2, stderr);
      assert.doesNotMatch(stderr, /a bug here|\n +at /);
      if (everything() !== before) countLostBytes(BYTES);
      assert.equal(everything(), before);
      survived({ fault: "target that must not be written", where: `write: ${what}` });
    });
  }
});
