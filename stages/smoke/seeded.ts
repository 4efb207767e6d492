import { setTimeout as sleep } from "node:timers/promises";

import { z } from "zod";

import { formatSize } from "../../plan/units";
import type { Channel } from "./guest";

const POLL_MS = 1000;
/** Characters of what cloud-init says that are passed on. */
const WORDS = 2000;

const oldResult = z.object({
  v1: z.object({ datasource: z.string(), errors: z.array(z.string()) }),
});
const NO_SUCH_COMMAND = 127;

/**
 * Waits until the seed is applied as a whole.
 *
 * @returns what is known of it, in one line
 * @throws Error with cloud-init's own words where it failed, also where it calls the errors recoverable (exit code 2 since 23.4)
 */
export async function waitForSeed(channel: Channel, signal: AbortSignal): Promise<string> {
  const status = ["cloud-init", "status", "--wait", "--long"];
  const { exitCode, stdout, stderr } = await channel.execute(status, signal);
  // a reader of the template's own: that the seeded key opened the door is all that it was to do
  if (exitCode === NO_SUCH_COMMAND) return "the seeded key was accepted; there is no cloud-init";
  if (/invalid choice|unrecognized arguments|usage:/i.test(stderr)) {
    return waitForOldCloudInit(channel, signal);
  }
  const words = (stdout.replace(/^[.\s]+/, "").trim() || stderr.trim()).slice(0, WORDS);
  if (exitCode === 0 && /^status: done$/m.test(words)) return words;
  if (exitCode === 2) throw new Error(`cloud-init had errors that it recovered from:\n${words}`);
  if (exitCode !== 0) throw new Error(`cloud-init failed:\n${words}`);
  throw new Error(`cloud-init did not run to its end:\n${words}`);
}

/** Before 18.1 it has no `status`; it leaves these files since 0.7.3. */
async function waitForOldCloudInit(channel: Channel, signal: AbortSignal): Promise<string> {
  const finished = ["cat", "/var/lib/cloud/instance/boot-finished"];
  while ((await channel.execute(finished, signal)).exitCode !== 0) {
    await sleep(POLL_MS, undefined, { signal });
  }
  const result = await channel.execute(["cat", "/var/lib/cloud/data/result.json"], signal);
  const { v1 } = readResult(result.stdout);
  if (v1.errors.length > 0)
    throw new Error(`cloud-init had errors:\n${v1.errors.join("\n").slice(0, WORDS)}`);
  return `status: done\ndetail: ${v1.datasource.slice(0, WORDS)}`;
}

function readResult(text: string): z.infer<typeof oldResult> {
  try {
    return oldResult.parse(JSON.parse(text));
  } catch {
    throw new Error(`cloud-init's result.json is none: ${JSON.stringify(text.slice(0, 100))}`);
  }
}

/**
 * Proves that the root file system grew to the size of a disk that is larger than the image.
 *
 * @param imageBytes the image's own size, which a root that did not grow cannot exceed
 * @returns root's size in bytes
 */
export async function requireGrownRoot(
  channel: Channel,
  imageBytes: number,
  diskBytes: number,
  signal: AbortSignal,
): Promise<number> {
  const { stdout, stderr } = await channel.execute(["df", "-Pk", "/"], signal);
  const kibibytes = Number(stdout.trim().split("\n").at(-1)?.split(/\s+/)[1]);
  if (!(kibibytes > 0))
    throw new Error(`the size of root is not known: ${(stderr || stdout).slice(0, WORDS)}`);
  if (kibibytes * 1024 > imageBytes) return kibibytes * 1024;
  throw new Error(
    `root did not grow: it has ${formatSize(kibibytes * 1024)} on a disk of ${formatSize(diskBytes)}; ` +
      "it must be the last partition, and something must grow it at boot (cloud-init's growpart, systemd-repart)",
  );
}
