import { readdir, stat, statfs } from "node:fs/promises";
import { join } from "node:path";

import { formatSeconds, formatSize } from "../plan/units";
import { FULL_DISK, StageFailure } from "../host/failure";
import { interruption } from "../host/interrupt";
import { displayPath } from "../host/project";

const POLL_MS = 1000;
/** What has to stay free on the store's disk, so that logs and manifests still fit; on a small disk a twentieth of it. */
const RESERVE_BYTES = 64 * 2 ** 20;
/** How deep below the watched folder, and among how many files, signs of life are looked for. */
const DEPTH = 3;
const MOST_FILES = 500;

export interface GuardOptions {
  /** For the whole run. */
  readonly deadlineSeconds: number;
  /** Longest time in which nothing is printed and no file below the folder grows; undefined for no such limit. */
  readonly silenceSeconds?: number;
  /** Where the results grow; the free space on its disk is watched. */
  readonly folder?: string;
  readonly signal?: AbortSignal;
}

/**
 * Watches something that runs and calls `end`, once, when it must not go on: its time is over, nothing moves any more, the disk is
 * nearly full (QEMU would only pause its guest, for ever), or the run was interrupted.
 */
export class Guard {
  /** Why the end was called for. */
  failure?: StageFailure;
  private readonly started = performance.now();
  private moved = performance.now();
  private activity = "";
  private readonly timer: NodeJS.Timeout;
  private readonly onAbort = () => this.call(interruption(this.options.signal!));

  constructor(
    private readonly options: GuardOptions,
    private readonly end: () => void,
  ) {
    let looking = false;
    this.timer = setInterval(() => {
      if (looking) return;
      looking = true;
      void this.look().finally(() => (looking = false));
    }, POLL_MS);
    options.signal?.addEventListener("abort", this.onAbort);
  }

  /** To be called whenever something was printed. */
  heard(): void {
    this.moved = performance.now();
  }

  stop(): void {
    clearInterval(this.timer);
    this.options.signal?.removeEventListener("abort", this.onAbort);
  }

  private call(failure: StageFailure): void {
    if (this.failure) return;
    this.failure = failure;
    this.stop();
    this.end();
  }

  private async look(): Promise<void> {
    const { deadlineSeconds, silenceSeconds, folder } = this.options;
    const since = (time: number) => (performance.now() - time) / 1000;
    if (since(this.started) > deadlineSeconds) {
      const limit = formatSeconds(deadlineSeconds);
      return this.call(
        tooSlow(`the container was ended because it did not finish within ${limit}`),
      );
    }
    if (folder === undefined) return;
    const shortage = await shortageOf(folder);
    if (shortage) return this.call(shortage);
    if (silenceSeconds === undefined || since(this.moved) < POLL_MS / 1000) return;
    const activity = await activityIn(folder);
    if (activity !== this.activity) this.moved = performance.now();
    this.activity = activity;
    if (since(this.moved) > silenceSeconds) {
      const limit = formatSeconds(silenceSeconds);
      const what = "nothing was printed, and neither disk nor console moved";
      this.call(tooSlow(`the container was ended because for ${limit} ${what}`, "progress"));
    }
  }
}

const tooSlow = (text: string, step?: string) =>
  new StageFailure(text, {
    hint: `a longer time can be set with the setting "timeouts"${step ? `, "${step}"` : ""}`,
  });

async function shortageOf(folder: string): Promise<StageFailure | undefined> {
  const facts = await statfs(folder).catch(() => undefined);
  if (!facts) return undefined;
  const reserve = Math.min(RESERVE_BYTES, (facts.blocks * facts.bsize) / 20);
  const free = facts.bavail * facts.bsize;
  if (free >= reserve) return undefined;
  return new StageFailure(
    `the container was ended because the disk of ${displayPath(folder)} is full: ${formatSize(free)} are free`,
    FULL_DISK,
  );
}

/** A text that changes when a file below the folder is written to. */
async function activityIn(folder: string): Promise<string> {
  const seen: string[] = [];
  const visit = async (path: string, depth: number): Promise<void> => {
    for (const entry of await readdir(path, { withFileTypes: true }).catch(() => [])) {
      if (seen.length >= MOST_FILES) return;
      const below = join(path, entry.name);
      if (entry.isDirectory() && depth < DEPTH) await visit(below, depth + 1);
      // a blinking cursor changes pictures of the screen, and is no sign of life
      if (!entry.isFile() || entry.name.includes(".png")) continue;
      const facts = await stat(below).catch(() => undefined);
      seen.push(`${facts?.size} ${facts?.blocks} ${facts?.mtimeMs}`);
    }
  };
  await visit(folder, 1);
  return seen.join("\n");
}
