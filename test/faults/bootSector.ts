import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { inTools } from "../docker/smallDisk";
import { TemporaryStore } from "../temporaryStore";
import type { StageRequest } from "../../stages/stage";

/** What a guest of 512 bytes does after it has written its words to the serial port. */
export const THEN = {
  hang: "fa f4 eb fc", // cli; hlt; again
  /** Says the same again, slowly, for ever. */
  repeat: "b9 ff ff e2 fe eb eb", // mov cx, 0xffff; loop $; jmp to the words
  reboot: "b0 fe e6 64 f4", // mov al, 0xfe; out 0x64, al: the keyboard controller resets the machine
  /** Writes over the disk, 32 KiB at a time, onwards for ever. */
  write: "be 10 7d b2 80 b4 43 30 c0 cd 13 66 83 06 18 7d 40 eb f0",
  // mov si, packet; again: mov dl, 0x80; mov ax, 0x4300; int 0x13; add dword [packet + 8], 64; jmp again
} as const;

const PACKET = Buffer.from("10004000000000f08000000000000000", "hex"); // 64 sectors of the firmware, at f000:0000, to sector 128
const WORDS_AT = 0x40;
const PACKET_AT = 0x110;

/** A boot sector, assembled by hand; see the Intel manuals for the instructions. */
function sector(words: string, then: keyof typeof THEN): Buffer {
  const code =
    "fa 31 c0 8e d8 8e d0 bc 00 7c fc" + // cli; segments and stack; cld
    "be 40 7c" + // mov si, words
    "ac 84 c0 74 06 ba f8 03 ee eb f5" + // lodsb; until zero: out 0x3f8, al
    THEN[then];
  const bytes = Buffer.alloc(512);
  Buffer.from(code.replaceAll(" ", ""), "hex").copy(bytes);
  bytes.write(`${words}\r\n\0`, WORDS_AT, "latin1");
  PACKET.copy(bytes, PACKET_AT);
  bytes.writeUInt16BE(0x55aa, 510);
  return bytes;
}

/** A store whose base is a disk with such a guest, and what asks for an image of it, by the template debian12. */
export class TinyGuest {
  readonly room = new TemporaryStore();
  private baseKey = "";

  constructor(private readonly toolsImage: string) {}

  /** Publishes the guest as the base of an image. */
  async publish(words: string, then: keyof typeof THEN): Promise<void> {
    this.baseKey = (await this.publishDisk("base", "disk.qcow2", words, then)).key;
  }

  /** Publishes the guest as an image, and asks for its proof. */
  async proofRequest(words: string, then: keyof typeof THEN): Promise<StageRequest> {
    const { key, manifest } = await this.publishDisk("image", "image.qcow2", words, then);
    return {
      stack: "test",
      root: "smoke",
      description: this.room.describe("a", "smoke"),
      settings: {
        toolsImage: this.toolsImage,
        image: { key, sha256: manifest.files[0]!.sha256 },
        ...{ proof: "quick", channel: "agent", firmware: ["bios"] },
        ...{ diskBytes: 256 * 2 ** 20, memoryMiB: 256, cpus: 1, accelerator: "tcg" },
        // seconds; ten times as long under TCG
        ...{ timeoutSeconds: 4, silenceSeconds: 60 },
      },
    };
  }

  private async publishDisk(stage: string, name: string, words: string, then: keyof typeof THEN) {
    const folder = mkdtempSync(join(tmpdir(), "kragle-sector-"));
    try {
      writeFileSync(join(folder, "disk.raw"), sector(words, then));
      const make =
        "truncate -s 256M /w/disk.raw; qemu-img convert -O qcow2 /w/disk.raw /w/disk.qcow2";
      inTools(this.toolsImage, folder, make);
      const description = this.room.describe("a", stage);
      copyFileSync(join(folder, "disk.qcow2"), join(this.room.work({}, description), name));
      return await this.room.publish({}, description);
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  /** @param change settings that differ from a build under TCG that waits ten seconds for SSH */
  request(
    change: Record<string, unknown> = {},
    scripts: Record<string, string> = {},
  ): StageRequest {
    const folder = join(this.room.home, "scripts");
    mkdirSync(folder, { recursive: true });
    const paths = Object.entries(scripts).map(([name, content]) => {
      writeFileSync(join(folder, name), content);
      return [name, join(folder, name)];
    });
    return {
      stack: "test",
      root: "image",
      description: this.room.describe(JSON.stringify(change)),
      settings: {
        toolsImage: this.toolsImage,
        templateFolder: "builder/templates/debian12",
        baseKey: this.baseKey,
        scripts: Object.fromEntries(paths) as object,
        diskBytes: 256 * 2 ** 20,
        memoryMiB: 256,
        cpus: 1,
        accelerator: "tcg",
        privileged: false,
        vnc: null,
        // seconds; ten times as long under TCG
        timeouts: { whole: 60, progress: 60, ssh: 30, script: 30, shutdown: 30 },
        ...change,
      },
    };
  }
}
