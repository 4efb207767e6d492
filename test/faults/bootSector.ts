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
export function bootSector(words: string, then: keyof typeof THEN): Buffer {
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
