import assert from "node:assert/strict";
import {
  existsSync,
  linkSync,
  lstatSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  realpathSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from "node:fs";
import { open } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { dataBytes, type Extent, firstDifference, parseMap } from "../../disk/extents";
import { describeProgress } from "../../disk/progress";
import { claimFile } from "../../disk/claim";
import { findTarget } from "../../disk/target";
import { parseConversion } from "../../plan/formats";
import { asProgram, conversionSteps } from "../../stages/convert/steps";
import { LockHeld } from "../../host/lock";

describe("files that stand for disks", () => {
  let folder: string;
  beforeEach(() => {
    folder = realpathSync(mkdtempSync(join(tmpdir(), "kragle fïles ")));
  });
  afterEach(() => rmSync(folder, { recursive: true }));
  const file = (name: string, content: Buffer | string = "") => {
    writeFileSync(join(folder, name), content);
    return join(folder, name);
  };

  describe("a target", () => {
    it("is a file, there or not, and links are followed", async () => {
      const path = file("there");
      symlinkSync(path, join(folder, "link"));
      symlinkSync(folder, join(folder, "same"));
      assert.deepEqual(await findTarget(path), { kind: "file", path, exists: true });
      assert.deepEqual(await findTarget(join(folder, "link")), {
        kind: "file",
        path,
        exists: true,
      });
      assert.deepEqual(await findTarget(join(folder, "same", "new")), {
        ...{ kind: "file", path: join(folder, "new"), exists: false },
      });
    });

    it("is nothing else", async () => {
      await assert.rejects(findTarget(folder), /neither a block device nor a file/);
      await assert.rejects(findTarget("/dev/zero"), /neither a block device nor a file/);
      await assert.rejects(findTarget("/dev/no-such-disk"), /there is no device/);
      await assert.rejects(findTarget(join(folder, "no/such")), /there is no folder/);
    });

    it("appears only when it is finished", async () => {
      const path = file("disk.raw", "old");
      const bytes = { virtual: 4096, data: 1 };
      const first = await claimFile(path, bytes);
      await assert.rejects(claimFile(path, bytes), LockHeld);
      assert.equal(readFileSync(path, "utf8"), "old");
      await first.release();
      assert.equal(readFileSync(path, "utf8"), "old");
      assert.ok(!existsSync(first.path));

      const second = await claimFile(path, bytes);
      await second.handle.write(Buffer.from("new"), 0, 3, 0);
      await second.finish();
      await second.release();
      assert.equal(readFileSync(path).length, 4096);
      assert.equal(readFileSync(path).subarray(0, 3).toString(), "new");
    });

    it("is one writer's at a time, whatever home that one has, and leaves nothing beside it", async () => {
      const path = join(folder, "disk.raw");
      const size = { virtual: 4096, data: 1 };
      const first = await claimFile(path, size);
      await assert.rejects(claimFile(path, size), /holds the lock \(a write to .*disk\.raw\)/);
      await first.finish();
      await first.release();
      assert.deepEqual(readdirSync(folder), ["disk.raw"]);
    });

    it("is not written through what somebody put in the place of its unfinished file or lock", async () => {
      const path = join(folder, "disk.raw");
      const claim = () => claimFile(path, { virtual: 4096, data: 1 });
      file("mine", "mine");
      for (const name of ["unfinished", "lock"]) {
        const place = join(folder, `.disk.raw.kragle-${name}`);
        symlinkSync("mine", place);
        await assert.rejects(claim(), new RegExp(`kragle-${name} is not kragle's; nothing is`));
        assert.ok(lstatSync(place).isSymbolicLink());
        rmSync(place);
      }
      linkSync(join(folder, "mine"), join(folder, ".disk.raw.kragle-lock"));
      await assert.rejects(claim(), /kragle-lock is not kragle's/);
      assert.deepEqual(readdirSync(folder).sort(), [".disk.raw.kragle-lock", "mine"]);
      assert.equal(readFileSync(join(folder, "mine"), "utf8"), "mine");
    });

    it("replaces what a killed run left", async () => {
      const path = join(folder, "disk.raw");
      file(".disk.raw.kragle-unfinished", Buffer.alloc(9999, "x"));
      const claim = await claimFile(path, { virtual: 4096, data: 1 });
      assert.deepEqual(readFileSync(claim.path), Buffer.alloc(4096));
      await claim.release();
    });
  });

  describe("the comparison of what an image stores", () => {
    const MIB = 2 ** 20;
    const image = Buffer.alloc(12 * MIB, "an image");
    const extents: Extent[] = [
      { start: 0, length: 5 * MIB, offset: MIB },
      { start: 8 * MIB, length: 65536, offset: 6 * MIB },
    ];
    const disk = () => {
      const bytes = Buffer.alloc(16 * MIB, "anything");
      for (const { start, length, offset } of extents) {
        image.copy(bytes, start, offset, offset! + length);
      }
      return bytes;
    };
    async function compare(bytes: Buffer, of = extents): Promise<number | undefined> {
      const [a, b] = [await open(file("image", image)), await open(file("disk", bytes))];
      try {
        return await firstDifference(a, b, of, () => undefined);
      } finally {
        await Promise.all([a.close(), b.close()]);
      }
    }

    it("reads nothing between the extents", async () => {
      assert.equal(await compare(disk()), undefined);
    });
    for (const at of [0, 4 * MIB + 7, 5 * MIB - 1, 8 * MIB, 8 * MIB + 65535]) {
      it(`names byte ${at}`, async () => {
        const bytes = disk();
        bytes[at]! ^= 1;
        assert.equal(await compare(bytes), at);
      });
    }
    it("fails where the disk ends too early", async () => {
      await assert.rejects(compare(disk().subarray(0, 8 * MIB + 10)), /the disk ends at byte/);
    });
    it("is not for compressed extents", async () => {
      await assert.rejects(compare(disk(), [{ start: 0, length: 1 }]), /byte 0 .* compressed/);
    });
  });

  it("what qemu-img maps as data is understood", () => {
    const json = `[{ "start": 0, "length": 65536, "depth": 0, "present": true, "zero": false, "data": true, "offset": 327680},
{ "start": 65536, "length": 983040, "depth": 0, "present": false, "zero": true, "data": false},
{ "start": 1048576, "length": 512, "depth": 0, "present": true, "zero": false, "data": true, "compressed": true}]`;
    const extents = parseMap(json);
    assert.deepEqual(extents, [
      { start: 0, length: 65536, offset: 327680 },
      { start: 1048576, length: 512 },
    ]);
    assert.equal(dataBytes(extents), 66048);
  });
});

describe("the steps of a conversion", () => {
  const steps = (entry: string, directIo = true) => {
    const { format, options, fileName } = parseConversion(entry);
    return conversionSteps({ format, options, fileName, directIo });
  };
  const converting = (entry: string, directIo?: boolean) =>
    steps(entry, directIo)
      .find(({ phase }) => phase.startsWith("convert"))!
      .command.join(" ");

  const commands: [string, string][] = [
    ["raw", "-O raw -m 16 -W -t none /image/image.qcow2 /result/kragle.raw"],
    ["raw.zst", "-O raw -m 16 -W -t none /image/image.qcow2 /result/kragle.raw"],
    // in order, or its bytes would differ from run to run
    ["qcow2", "-O qcow2 -m 16 /image/image.qcow2 /result/kragle.qcow2"],
    [
      "qcow2:compression=zstd,cluster_size=2M",
      "-O qcow2 -m 16 -c -o cluster_size=2M -o compression_type=zstd /image/image.qcow2 /result/kragle.2M.zstd.qcow2",
    ],
    ["qcow2:compression=none", "-O qcow2 -m 16 /image/image.qcow2 /result/kragle.none.qcow2"],
    ["vdi", "-O vdi -m 16 /image/image.qcow2 /result/kragle.vdi"],
    ["vhdx", "-O vhdx -m 16 -W /image/image.qcow2 /result/kragle.vhdx"],
    [
      "vmdk:subformat=streamOptimized",
      "-O vmdk -m 16 -o subformat=streamOptimized /image/image.qcow2 /result/kragle.streamOptimized.vmdk",
    ],
    ["vhd", "-O vpc -m 16 -o force_size=on /image/image.qcow2 /result/kragle.vhd"],
  ];
  for (const [entry, end] of commands) {
    it(`convert to ${entry}`, () => {
      assert.equal(converting(entry), `qemu-img convert -f qcow2 ${end}`);
    });
  }

  it("leave direct I/O out where the file system refuses it", () => {
    assert.ok(!converting("raw", false).includes("-t none"));
  });

  it("always check the image first and compare the result with it", () => {
    for (const entry of [
      "raw",
      "raw.zst",
      "qcow2:compression=zlib",
      "vmdk",
      "vhd:subformat=fixed",
    ]) {
      const phases = steps(entry).map(({ phase }) => phase);
      assert.equal(phases[0], "check the image");
      assert.ok(phases.includes("compare with the image"), entry);
    }
  });

  it("are one program whose words cannot be taken for anything else", () => {
    const [, , script] = asProgram([
      { phase: "say it's so", command: ["echo", "it's; rm -r $HOME"] },
    ]);
    assert.match(script!, /^echo '» say it'\\''s so' >&2$/m);
    assert.match(script!, /^'echo' 'it'\\''s; rm -r \$HOME' \|\| fail 'say it'\\''s so' \$\?$/m);
  });
});

describe("progress", () => {
  it("says how far it is, how fast, and how long it will take", () => {
    const GIB = 2 ** 30;
    assert.equal(describeProgress(0, GIB, 5), "0 KiB of 1.0 GiB");
    assert.equal(describeProgress(GIB / 4, GIB, 0.5), "256 MiB of 1.0 GiB");
    assert.equal(describeProgress(GIB / 4, GIB, 2), "256 MiB of 1.0 GiB, 128 MiB/s, 6 s left");
  });
});
