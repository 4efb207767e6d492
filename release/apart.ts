import { realpath } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

import { EXIT, StageFailure } from "../host/failure";
import { displayPath } from "../host/project";
import type { Holder } from "./holders";
import { readMark } from "./mark";
import { isRelease } from "./previous";

/** A folder in which results are to be laid down. */
export interface ResultPlace {
  readonly folder: string;
  /** The setting that names it. */
  readonly setting: string;
}

/**
 * Refuses places of results of which one lies in the other, in the store, or in what a stack has released: there they would count as
 * files that somebody added, or stand where kragle keeps its own.
 *
 * @param output PATH/output
 * @param publications folders for copies of it
 * @param releasing who releases where
 * @throws StageFailure (exit code 2) that names both
 */
export async function requireApart(
  home: string,
  output: ResultPlace,
  publications: readonly ResultPlace[],
  releasing: readonly Holder[],
): Promise<void> {
  const [store, released] = await Promise.all([home, output.folder].map(realOf));
  for (const place of [output, ...publications]) {
    const { folder, setting } = place;
    const real = await realOf(folder);
    if (isWithin(real, store!)) {
      throw refusal(folder, setting, `lies in ${displayPath(home)}, where kragle keeps its store`);
    }
    // a publication's own folder, too, must not be a release's
    const around = await releaseAround(place === output ? dirname(real) : real);
    if (around) throw refusal(folder, setting, `lies in ${around}`);
    if (place !== output && isWithin(real, released!)) {
      throw refusal(folder, setting, `lies in the release at ${displayPath(output.folder)}`);
    }
  }
  const folders = await Promise.all(publications.map(({ folder }) => realOf(folder)));
  folders.forEach((real, index) => {
    if (folders.indexOf(real) === index) return;
    const { folder, setting } = publications[index]!;
    throw refusal(folder, setting, "is named twice");
  });
  const inner = [
    { path: store!, what: `the store ${displayPath(home)} lies` },
    ...releasing.map(({ holder, output: path }) => ({
      path,
      what: `stack ${holder.stack} releases`,
    })),
  ];
  for (const { path, what } of inner) {
    const real = await realOf(path);
    if (real === released || !isWithin(real, released!)) continue;
    throw refusal(output.folder, output.setting, `cannot be a release: ${what} in it`);
  }
}

/**
 * The release in which a folder lies, in words: of any stack, of this clone or another, one that was let go of, or a published copy;
 * undefined where there is none.
 */
export async function releaseAround(folder: string): Promise<string | undefined> {
  for (let at = await realOf(folder); ; at = dirname(at)) {
    const mark = await readMark(at, at);
    if (mark) return `the release of stack ${mark.stack} at ${displayPath(at)}`;
    if (await isRelease(at)) return `the release at ${displayPath(at)}`;
    if (at === "/") return undefined;
  }
}

const isWithin = (inner: string, outer: string) =>
  inner === outer || inner.startsWith(outer === "/" ? outer : `${outer}/`);

/** Where a folder lies, or will lie, without links. */
async function realOf(folder: string): Promise<string> {
  return realpath(folder).catch(async () => join(await realOf(dirname(folder)), basename(folder)));
}

const refusal = (folder: string, setting: string, why: string) =>
  new StageFailure(`${displayPath(folder)} ${why}`, {
    hint: `let the setting "${setting}" name a folder of its own`,
    exitCode: EXIT.wrongSettings,
  });
