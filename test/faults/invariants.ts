import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync, statSync } from "node:fs";
import { dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";

import { docker } from "../site";
import { sha256File } from "../../host/files";
import { readPlacedId } from "../../host/placedId";
import { Store } from "../../store/store";
import { countLeaks, countLostBytes } from "./figures";

/** How long a run that was killed may need until nothing of it is left; a loaded machine needs most of it. */
const CLEAN_SECONDS = 60;

/** Undefined as long as nothing has used the store. */
export function storeIdOf(home: string): string | undefined {
  return readPlacedId(join(home, "id"))?.id;
}

/** What of a store's runs is still there: containers, processes, mounts, loop devices. */
async function remnants(home: string): Promise<string[]> {
  const id = storeIdOf(home);
  const label = [`kragle.store=${id}`];
  const containers = id ? await docker.listContainers({ all: true, filters: { label } }) : [];
  return [
    ...containers.map(({ Id, State }) => `container ${Id.slice(0, 12)} (${State})`),
    ...processesOf(home),
    ...readFileSync("/proc/mounts", "utf8")
      .split("\n")
      .map((line) => line.split(" ")[1]?.replaceAll("\\040", " ") ?? "")
      .filter((path) => path.startsWith(`${home}/`))
      .map((path) => `mount ${path}`),
    ...loopDevices().filter((line) => line.includes(home)),
  ];
}

/** Processes that work on the store: its folder stands in their arguments or in their environment. */
export function processesOf(home: string): string[] {
  const found: string[] = [];
  for (const pid of readdirSync("/proc").filter((name) => /^\d+$/.test(name))) {
    if (Number(pid) === process.pid) continue;
    try {
      const words = readFileSync(`/proc/${pid}/cmdline`, "utf8").replaceAll("\0", " ");
      const environment = readFileSync(`/proc/${pid}/environ`, "utf8").split("\0");
      const works = environment.includes(`KRAGLE_HOME=${home}`) || words.includes(`${home}/`);
      if (works && words) found.push(`process ${pid} ${words.slice(0, 100)}`);
    } catch {
      // it ended meanwhile, or is not ours to see
    }
  }
  return found;
}

function loopDevices(): string[] {
  try {
    return execFileSync("losetup", ["--list", "--noheadings"], { encoding: "utf8" }).split("\n");
  } catch {
    return [];
  }
}

/**
 * After a fault, whatever it was: nothing of the run is left, and what stands under a final name is whole.
 *
 * @param options `project`: the folder of the store's project, by default the one around the store;
 *   `since`: when the fault was inflicted, in milliseconds, where that is known
 * @returns the seconds from the fault until nothing was left; undefined without `since`
 */
export async function assertNothingLeaked(
  home: string,
  { project, since }: { project?: string; since?: number } = {},
): Promise<number | undefined> {
  const started = Date.now();
  for (;;) {
    const left = await remnants(home);
    if (left.length === 0) break;
    if (Date.now() - started > CLEAN_SECONDS * 1000) {
      countLeaks(left.length);
      assert.fail(`left behind:\n${left.join("\n")}`);
    }
    await sleep(100);
  }
  const clean = Date.now();
  await assertNothingHalf(home, project);
  return since === undefined ? undefined : (clean - since) / 1000;
}

/** Every artifact in the store is whole by its own digests, read anew. */
export async function assertNothingHalf(home: string, project = dirname(home)): Promise<void> {
  const store = new Store(home, project);
  for (const name of readdirIfThere(join(home, "store"))) {
    const at = name.lastIndexOf("-");
    const [stage, key] = [name.slice(0, at), name.slice(at + 1)];
    const found = await store.lookup(stage, key);
    if (found.state !== "present") {
      countLostBytes(bytesOf(join(home, "store", name)));
      assert.fail(`${name} is ${JSON.stringify(found)}`);
    }
    const { folder, manifest } = await store.artifact(stage, key);
    for (const { path, sha256, bytes } of manifest.files) {
      if ((await sha256File(join(folder, path))) === sha256) continue;
      countLostBytes(bytes);
      assert.fail(`${name}/${path} is not what its manifest says`);
    }
  }
}

const bytesOf = (folder: string) =>
  readdirSync(folder, { recursive: true, encoding: "utf8" })
    .map((name) => statSync(join(folder, name)).size)
    .reduce((sum, size) => sum + size, 0);

/** The folder with the logs that a message names; a path in it is relative to the project's folder. */
export function evidenceFolder(message: string, project = ""): string {
  const folder = /^ *(?:✗ )? *logs: (.+)$/m.exec(message)?.[1];
  assert.ok(folder, `no logs are named in:\n${message}`);
  return resolve(project, folder);
}

/** A failure that kragle itself could still tell of: it says where its evidence is, and there it is. */
export function assertEvidence(folder: string, ...files: string[]): void {
  for (const file of files) assert.ok(existsSync(join(folder, file)), `${folder} has no ${file}`);
}

export const readdirIfThere = (folder: string) => (existsSync(folder) ? readdirSync(folder) : []);
