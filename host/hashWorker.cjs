/**
 * Computes a digest of one large file, which the process has open, in a thread of its own. What lies outside of the given extents is
 * a hole: it reads as zeroes, so it is not read. Tells the digest as text, and every second how many bytes are done.
 */
const { Buffer } = require("node:buffer");
const { createHash } = require("node:crypto");
const { readSync } = require("node:fs");
const { performance } = require("node:perf_hooks");
const { parentPort, workerData } = require("node:worker_threads");

const PIECE_BYTES = 2 ** 20;
const EVERY_MS = 1000;

const { algorithm, file, bytes, extents } = workerData;
const hash = createHash(algorithm);
const zeroes = Buffer.alloc(PIECE_BYTES);
const buffer = Buffer.allocUnsafe(PIECE_BYTES);
let at = 0;
let told = performance.now();
function tell() {
  if (performance.now() - told < EVERY_MS) return;
  told = performance.now();
  parentPort.postMessage(at);
}
for (const [start, end] of [...extents, [bytes, bytes]]) {
  for (; at < start; at += Math.min(PIECE_BYTES, start - at)) {
    hash.update(zeroes.subarray(0, Math.min(PIECE_BYTES, start - at)));
    tell();
  }
  while (at < end) {
    const got = readSync(file, buffer, 0, Math.min(PIECE_BYTES, end - at), at);
    if (got === 0) throw new Error(`the file ends at byte ${at}`);
    hash.update(buffer.subarray(0, got));
    at += got;
    tell();
  }
}
parentPort.postMessage(hash.digest("hex"));
