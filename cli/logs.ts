import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { EXIT, StageFailure } from "../host/failure";
import { homeFolder } from "../host/home";
import { print } from "../host/output";
import { displayPath } from "../host/project";
import type { StackName } from "../plan/identity";
import { imageOfRoot, rootOf } from "../plan/roots";
import { noteOf } from "../run/runNote";
import { suggest } from "../settings/suggest";
import { identityOf } from "../store/identity";
import { openStore } from "../store/open";
import { Roots } from "../store/roots";
import { Workplace } from "../store/workplace";
import { imageFirst, namesOf } from "./imageNames";
import type { CommonOptions } from "./options";
import { knownStack } from "./releasedImages";

interface LogFolder {
  readonly stage: string;
  /** "killed": it left its folder, and neither a result nor a failure. */
  readonly state: "finished" | "failed" | "running" | "killed";
  readonly folder: string;
  /** When it finished, failed or began. ISO 8601. */
  readonly at: string;
}

/**
 * `kragle logs [IMAGE] [STAGE]`: without a stage, where the logs are; with one, its log.
 *
 * @param first which image of the stack, if it has several; else the stage
 * @param second behind an image's name: the stage
 */
export async function logs(
  first: string | undefined,
  second: string | undefined,
  options: CommonOptions,
): Promise<number> {
  const { stack } = options;
  const { project, images } = await knownStack(stack);
  const names = namesOf(images);
  const { image, word } = imageFirst(images, stack, first, second);
  const stage = word === undefined ? undefined : rootOf(image ?? null, word);
  const all = await logFolders({ project, stack });
  const folders = image ? all.filter((one) => imageOfRoot(one.stage) === image) : all;
  if (stage === undefined) {
    const text = options.json ? JSON.stringify(folders) : folders.map(lineOf).join("\n");
    print((text || "no stage of this stack has run yet") + "\n");
    return EXIT.done;
  }
  const found = folders.filter((f) => f.stage === stage).at(-1);
  if (!found) {
    const stages = [...new Set(folders.map((f) => f.stage))];
    const meant = suggest(stage, [...stages, ...names]);
    const known = `of stages there are ${stages.join(", ") || "none yet"}`;
    const its = names.length > 0 ? `; its images are ${names.join(", ")}` : "";
    throw new StageFailure(`there is no log of stage ${stage}`, {
      hint: `${meant ? `did you mean ${meant}? ` : ""}${known}${its}`,
      exitCode: EXIT.wrongSettings,
    });
  }
  const text = await readFile(join(found.folder, "stage.log"), "utf8").catch(
    (error: NodeJS.ErrnoException) => {
      if (error.code !== "ENOENT") throw error;
      throw new StageFailure(`stage ${stage} has no log in ${displayPath(found.folder)}`);
    },
  );
  print(options.json ? JSON.stringify({ ...found, text }) + "\n" : text);
  return EXIT.done;
}

const lineOf = ({ stage, state, at, folder }: LogFolder) =>
  `${stage}  ${state}  ${at.slice(0, 19).replace("T", " ")} UTC  ${displayPath(folder)}`;

/** An error other than "absent" is passed on: it would look as if nothing had run. */
const namesIn = (folder: string): Promise<string[]> =>
  readdir(folder).catch((error: NodeJS.ErrnoException) => {
    if (error.code === "ENOENT") return [];
    throw error;
  });

/** The stack's results, then its failures, then what is at work for it, the latest last. */
export async function logFolders(name: StackName): Promise<LogFolder[]> {
  const home = homeFolder();
  const store = openStore(home);
  const found: LogFolder[] = [];
  for (const [root, { stage, key, publishedAt: at }] of await Roots.of(home, name).list()) {
    const folder = join(store.folder(stage, key), "logs");
    if (existsSync(folder)) found.push({ stage: root, state: "finished", folder, at });
  }
  const owner = identityOf(home, name);
  const place = new Workplace(home);
  for (const [part, logs] of [
    ["failed", "."],
    ["work", "logs"],
  ] as const) {
    const some: LogFolder[] = [];
    for (const name of await namesIn(join(home, part))) {
      const folder = join(home, part, name, logs);
      const note = await noteOf(folder, owner);
      if (!note) continue;
      const unfinished = place.isAtWork(name) ? "running" : "killed";
      const state = part === "failed" ? "failed" : unfinished;
      some.push({ stage: note.root, state, folder, at: note.failedAt ?? note.startedAt });
    }
    found.push(...some.sort((one, other) => (one.at < other.at ? -1 : 1)));
  }
  return found;
}
