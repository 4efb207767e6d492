/**
 * Computes the SHA-256 of one large file, which the process has open, in a thread of its own. What lies outside of the given extents is
 * a hole: it reads as zeroes, so it is not read.
 */
const { Buffer } = require("node:buffer");
const { createHash } = require("node:crypto");
const { readSync } = require("node:fs");
const { parentPort, workerData } = require("node:worker_threads");

const PIECE_BYTES = 2 ** 20;

const { file, bytes, extents } = workerData;
const hash = createHash("sha256");
const zeroes = Buffer.alloc(PIECE_BYTES);
const buffer = Buffer.allocUnsafe(PIECE_BYTES);
let at = 0;
for (const [start, end] of [...extents, [bytes, bytes]]) {
  for (; at < start; at += Math.min(PIECE_BYTES, start - at)) {
    hash.update(zeroes.subarray(0, Math.min(PIECE_BYTES, start - at)));
  }
  while (at < end) {
    const got = readSync(file, buffer, 0, Math.min(PIECE_BYTES, end - at), at);
    if (got === 0) throw new Error(`the file ends at byte ${at}`);
    hash.update(buffer.subarray(0, got));
    at += got;
  }
}
parentPort.postMessage(hash.digest("hex"));
