import { execFileSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { claimDevice } from "../../disk/claim";
import { writeSteps } from "../../disk/writeImage";
import { parseConversion } from "../../plan/formats";
import { conversionSteps, IMAGE_FILE } from "../../stages/convert/steps";
import { sha256File } from "../../host/files";
import type { Figure } from "../bench";
import { canLoop, inTools, LoopDevice } from "../docker/smallDisk";
import { treesToolsImage } from "../docker/toolsImage";
import { docker } from "../site";

const DISK_BYTES = 4 * 2 ** 30;
/** The best of so many counts, except for what takes most of a minute. */
const ROUNDS = 3;

interface Measured {
  readonly seconds: number;
  readonly bytes: number;
}

/**
 * Compares, on a 4 GiB disk with about 1 GiB of real files, kragle's conversions with plain `qemu-img convert`, its writing to
 * a block device with the original's convert and dd, and zstd with zlib. Everything is measured to the last byte synced, in
 * turns on one machine; conversions inside of one container, so that its start does not count.
 */
export async function benchConversion(say: (line: string) => void): Promise<Figure[]> {
  const image = treesToolsImage();
  const folder = mkdtempSync(join(tmpdir(), "kragle-bench-"));
  try {
    say("make a disk");
    makeDisk(image, folder);
    const ours = (entry: string) => oursFor(entry);
    const plain = (format: string, ...options: string[]) => [
      ...["qemu-img", "convert", "-f", "qcow2", "-O", format, ...options, IMAGE_FILE, "/w/out"],
    ];
    say("convert, in turns");
    const fast = measure(image, folder, ROUNDS, {
      "raw plain": plain("raw"),
      "raw ours": ours("raw"),
      "vdi plain": plain("vdi"),
      "vdi ours": ours("vdi"),
      "vhdx plain": plain("vhdx"),
      "vhdx ours": ours("vhdx"),
    });
    report(say, fast);
    say("compress");
    const slow = measure(image, folder, 1, {
      "zlib ours": ours("qcow2:compression=zlib"),
      "zstd ours": ours("qcow2:compression=zstd"),
    });
    report(say, slow);
    say("two conversions side by side");
    const both = measure(image, folder, ROUNDS, {
      "vdi and vhdx in turn": sideBySide(["vdi", "vhdx"], ";"),
      "vdi and vhdx at once": sideBySide(["vdi", "vhdx"], "& "),
    });
    report(say, both);
    const ratio = (a: Measured, b: Measured) => a.seconds / b.seconds;
    const times = (name: string, value: number, atMost: number): Figure => ({
      ...{ name, value, atMost, unit: "times" },
    });
    return [
      times(
        "qcow2 → raw, against plain convert and sync",
        ratio(fast["raw ours"]!, fast["raw plain"]!),
        0.8,
      ),
      times(
        "qcow2 → vdi, against plain convert",
        ratio(fast["vdi ours"]!, fast["vdi plain"]!),
        1 / 1.5,
      ),
      times(
        "qcow2 → vhdx, against plain convert",
        ratio(fast["vhdx ours"]!, fast["vhdx plain"]!),
        1 / 1.5,
      ),
      times("zstd qcow2, time against zlib", ratio(slow["zstd ours"]!, slow["zlib ours"]!), 0.5),
      times(
        "zstd qcow2, size against zlib",
        slow["zstd ours"]!.bytes / slow["zlib ours"]!.bytes,
        1,
      ),
      times(
        "two conversions at once, against in turn",
        ratio(both["vdi and vhdx at once"]!, both["vdi and vhdx in turn"]!),
        1,
      ),
      ...(await benchWrite(image, folder, say)),
    ];
  } finally {
    rmSync(folder, { recursive: true, force: true });
  }
}

function makeDisk(image: string, folder: string): void {
  mkdirSync(join(folder, "image"));
  inTools(
    image,
    folder,
    `cd /w; mkdir root; for i in 1 2 3; do cp -a /usr root/usr$i; done
     truncate -s ${DISK_BYTES} disk.raw
     echo 'start=2048, type=L' | sfdisk --quiet --label gpt disk.raw
     mke2fs -q -F -t ext4 -d root -E offset=1048576 disk.raw ${DISK_BYTES / 1024 - 2048}k
     qemu-img convert -f raw -O qcow2 disk.raw image/image.qcow2
     rm -r root disk.raw; sync -f .`,
  );
}

/** The command of the stage itself, with its result at /w/out. */
function oursFor(entry: string, out = "/w/out"): string[] {
  const { format, options, fileName } = parseConversion(entry);
  const steps = conversionSteps({ format, options, fileName, directIo: true });
  const { command } = steps.find(({ phase }) => phase.startsWith("convert"))!;
  return [...command.slice(0, -1), out];
}

const sideBySide = (entries: readonly string[], glue: string) => [
  ...[
    "bash",
    "-c",
    entries.map((entry) => oursFor(entry, `/w/out.${entry}`).join(" ")).join(` ${glue}`) +
      " ; wait",
  ],
];

/** Runs each command in turn, `rounds` times over, and takes the best of each: seconds with sync, bytes that the result occupies. */
function measure(
  image: string,
  folder: string,
  rounds: number,
  commands: Readonly<Record<string, readonly string[]>>,
): Record<string, Measured> {
  const quote = (word: string) => `'${word}'`;
  const lines = Object.entries(commands).map(
    ([name, command]) => `t ${quote(name)} ${command.map(quote).join(" ")}`,
  );
  const output = inTools(
    image,
    folder,
    `ln -s /w/image /image
     t() {
       rm -f /w/out*; sync -f /w; local name=$1 from=$(date +%s%N); shift
       "$@" >/dev/null; sync -f /w
       echo "$name:$(( ($(date +%s%N) - from) / 1000000 )):$(du -B1 -c /w/out* | tail -1 | cut -f1)"
     }
     for round in $(seq ${rounds}); do ${lines.join("\n")}\n done; rm -f /w/out*`,
  );
  const best: Record<string, Measured> = {};
  for (const line of output.trim().split("\n")) {
    const [name, milliseconds, bytes] = line.split(":") as [string, string, string];
    const seconds = Number(milliseconds) / 1000;
    if (seconds < (best[name]?.seconds ?? Infinity)) best[name] = { seconds, bytes: Number(bytes) };
  }
  return best;
}

function report(say: (line: string) => void, measured: Record<string, Measured>): void {
  for (const [name, { seconds, bytes }] of Object.entries(measured)) {
    say(
      `  ${name.padEnd(24)} ${seconds.toFixed(2).padStart(7)} s  ${Math.round(bytes / 2 ** 20)} MiB`,
    );
  }
}

/** The write itself, with the start of its container, against convert, dd as in the original, and sync. */
async function benchWrite(
  image: string,
  folder: string,
  say: (line: string) => void,
): Promise<Figure[]> {
  if (!canLoop()) {
    say("skipped: writing to a loop device needs root and a free one");
    return [];
  }
  const path = join(folder, "image", "image.qcow2");
  const loop = new LoopDevice(join(folder, "loop.img"), DISK_BYTES);
  try {
    say("write by qemu-img convert and dd, as in the original");
    const started = Date.now();
    const script = `qemu-img convert -f qcow2 -O raw /w/image/image.qcow2 /w/kragle.raw
      dd if=/w/kragle.raw of=/dev/target bs=64k conv=noerror,sync; sync -f /w; sync /dev/target`;
    const mounts = ["--mount", `type=bind,source=${folder},target=/w`];
    const device = ["--device", `${loop.path}:/dev/target:rw`];
    execFileSync(
      "docker",
      [
        "run",
        "--rm",
        "--network",
        "none",
        ...mounts,
        ...device,
        "--entrypoint",
        "bash",
        image,
        "-ec",
        script,
      ],
      { stdio: "ignore" },
    );
    const original = (Date.now() - started) / 1000;
    say(`  convert and dd ${original.toFixed(2)} s`);

    // onto the device that is full of data now, which is the harder case
    say("write by kragle");
    const seconds: Record<string, number> = {};
    const claim = await claimDevice(loop.path);
    const steps = writeSteps(
      {
        docker,
        image: { path, sha256: await sha256File(path), virtualBytes: DISK_BYTES },
        ...{ toolsImage: image, claim, verify: "full", signal: new AbortController().signal },
        target: { kind: "device", path: loop.path, exists: true },
      },
      { dataBytes: 0, verified: "full", backupTableMoved: false },
    );
    for (const { title, run } of steps) {
      const started = Date.now();
      await run(() => undefined);
      seconds[title] = (Date.now() - started) / 1000;
      say(`  ${title} ${seconds[title].toFixed(2)} s`);
    }
    await claim.release();

    return [
      {
        name: "write to a loop device, against convert and dd",
        value: seconds["write"]! / original,
        atMost: 1 / 8,
        unit: "times",
      },
    ];
  } finally {
    loop.remove();
  }
}
