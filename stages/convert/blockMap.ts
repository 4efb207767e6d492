import { createHash, type Hash } from "node:crypto";
import { open, writeFile } from "node:fs/promises";

const BLOCK_BYTES = 4096;
/** Zeroes are looked for in pieces of this size, so that a map has few ranges. */
const PIECE_BYTES = 16 * BLOCK_BYTES;
const READ_BYTES = 64 * PIECE_BYTES;

/** A run of blocks that hold data: first and last block, and the SHA-256 of what is in them. */
export interface BlockRange {
  readonly first: number;
  readonly last: number;
  readonly sha256: string;
}

/**
 * Writes the block map of a raw disk, by which bmaptool copies only what is not zero and checks each range.
 * The format is bmap 2.0: github.com/yoctoproject/bmaptool, bmap creation in `BmapCreate.py`.
 */
export async function writeBlockMap(rawFile: string, mapFile: string): Promise<void> {
  const handle = await open(rawFile);
  try {
    const { size } = await handle.stat();
    await writeFile(mapFile, encodeBlockMap(size, await dataRanges(handle, size)));
  } finally {
    await handle.close();
  }
}

async function dataRanges(
  handle: Awaited<ReturnType<typeof open>>,
  bytes: number,
): Promise<BlockRange[]> {
  const ranges: BlockRange[] = [];
  const zeroes = Buffer.alloc(PIECE_BYTES);
  const buffer = Buffer.alloc(READ_BYTES);
  let current: { readonly first: number; readonly hash: Hash } | undefined;
  const close = (end: number) => {
    if (!current) return;
    const last = Math.ceil(end / BLOCK_BYTES) - 1;
    ranges.push({ first: current.first, last, sha256: current.hash.digest("hex") });
    current = undefined;
  };
  for (let at = 0; at < bytes;) {
    const { bytesRead } = await handle.read(buffer, 0, READ_BYTES, at);
    if (bytesRead === 0) throw new Error(`the raw disk ends at byte ${at} instead of ${bytes}`);
    for (let offset = 0; offset < bytesRead; offset += PIECE_BYTES) {
      const piece = buffer.subarray(offset, Math.min(offset + PIECE_BYTES, bytesRead));
      if (piece.equals(zeroes.subarray(0, piece.length))) {
        close(at + offset);
      } else {
        current ??= { first: (at + offset) / BLOCK_BYTES, hash: createHash("sha256") };
        current.hash.update(piece);
      }
    }
    at += bytesRead;
  }
  close(bytes);
  return ranges;
}

const NO_DIGEST = "0".repeat(64);

/** The map as XML. It carries its own SHA-256, taken while that stands as zeroes. */
export function encodeBlockMap(bytes: number, ranges: readonly BlockRange[]): string {
  const mapped = ranges.reduce((sum, { first, last }) => sum + last - first + 1, 0);
  const text = [
    `<?xml version="1.0" ?>`,
    `<!-- Blocks that are not listed are zero in the image. bmaptool leaves them as they are: on a used disk, run`,
    `     "blkdiscard -z DEVICE" first. -->`,
    `<bmap version="2.0">`,
    `    <ImageSize> ${bytes} </ImageSize>`,
    `    <BlockSize> ${BLOCK_BYTES} </BlockSize>`,
    `    <BlocksCount> ${Math.ceil(bytes / BLOCK_BYTES)} </BlocksCount>`,
    `    <MappedBlocksCount> ${mapped} </MappedBlocksCount>`,
    `    <ChecksumType> sha256 </ChecksumType>`,
    `    <BmapFileChecksum> ${NO_DIGEST} </BmapFileChecksum>`,
    `    <BlockMap>`,
    ...ranges.map(
      ({ first, last, sha256 }) =>
        `        <Range chksum="${sha256}"> ${first === last ? first : `${first}-${last}`} </Range>`,
    ),
    `    </BlockMap>`,
    `</bmap>`,
    ``,
  ].join("\n");
  return text.replace(NO_DIGEST, createHash("sha256").update(text).digest("hex"));
}
