/**
 * A boot sector that goes from real mode to long mode, uses what a real kernel uses (paging, a write to an MSR, 100 000 times
 * a read of CR3, INVLPG and SWAPGS), and ends QEMU through the device isa-debug-exit at port 0xf4.
 *
 * Each line: address, machine code, assembler (Intel syntax). Loaded by the firmware to 0x7c00.
 */
const LISTING = `
7c00  fa                 cli
7c01  31 c0              xor ax, ax
7c03  8e d8              mov ds, ax
7c05  8e c0              mov es, ax
7c07  8e d0              mov ss, ax
7c09  bc 00 7c           mov sp, 0x7c00
7c0c  bf 00 10           mov di, 0x1000           ; clear 0x1000 to 0x3fff for three page tables
7c0f  b9 00 18           mov cx, 0x1800
7c12  fc                 cld
7c13  f3 ab              rep stosw
7c15  c7 06 00 10 03 20  mov word [0x1000], 0x2003 ; level 4 to level 3, present and writable
7c1b  c7 06 00 20 03 30  mov word [0x2000], 0x3003 ; level 3 to level 2
7c21  c7 06 00 30 83 00  mov word [0x3000], 0x0083 ; one page of 2 MiB at 0
7c27  66 b8 20 00 00 00  mov eax, 0x20            ; CR4.PAE
7c2d  0f 22 e0           mov cr4, eax
7c30  66 bf 00 10 00 00  mov edi, 0x1000
7c36  0f 22 df           mov cr3, edi
7c39  66 b9 80 00 00 c0  mov ecx, 0xc0000080      ; EFER.LME
7c3f  0f 32              rdmsr
7c41  80 cc 01           or ah, 1
7c44  0f 30              wrmsr
7c46  0f 01 16 98 7c     lgdt [0x7c98]
7c4b  0f 20 c0           mov eax, cr0
7c4e  66 0d 01 00 00 80  or eax, 0x80000001       ; CR0.PG and CR0.PE at once
7c54  0f 22 c0           mov cr0, eax
7c57  ea 5c 7c 08 00     jmp 0x08:0x7c5c          ; from here 64-bit code
7c5c  b9 02 01 00 c0     mov ecx, 0xc0000102      ; KERNEL_GS_BASE
7c61  31 d2              xor edx, edx
7c63  b8 00 10 00 00     mov eax, 0x1000
7c68  0f 30              wrmsr
7c6a  bb a0 86 01 00     mov ebx, 100000
7c6f  0f 20 d8           mov rax, cr3
7c72  0f 01 38           invlpg [rax]
7c75  0f 01 f8           swapgs
7c78  ff cb              dec ebx
7c7a  75 f3              jnz 0x7c6f
7c7c  b0 10              mov al, 0x10
7c7e  e6 f4              out 0xf4, al             ; QEMU exits with (0x10 << 1) | 1
7c80  f4                 hlt
7c81  eb fd              jmp 0x7c80
7c88  00 00 00 00 00 00 00 00                     ; the empty descriptor
7c90  00 00 00 00 00 9a 20 00                     ; 64-bit code, ring 0
7c98  0f 00 88 7c 00 00                           ; size and address of the table
7dfe  55 aa                                       ; makes it a boot sector
`;

/** QEMU's exit code when the sector ran to its end. */
export const PROBE_SUCCESS = 33;

/** The 512 bytes. */
export const PROBE_SECTOR = assemble(LISTING);

function assemble(listing: string): Buffer {
  const sector = Buffer.alloc(512);
  for (const line of listing.trim().split("\n")) {
    const [, address, code] = /^([0-9a-f]{4}) {2}((?:[0-9a-f]{2} )*[0-9a-f]{2})/.exec(line)!;
    Buffer.from(code!.replaceAll(" ", ""), "hex").copy(sector, parseInt(address!, 16) - 0x7c00);
  }
  return sector;
}
