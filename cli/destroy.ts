import { rm } from "node:fs/promises";

import { chooseEngine } from "../engine/choose";
import { EXIT, StageFailure } from "../host/failure";
import { homeFolder } from "../host/home";
import { print, say } from "../host/output";
import { imageOfRoot } from "../plan/roots";
import { builder } from "../plan/stages/builder";
import { imageSettings } from "../settings/images";
import { releasesIn, type Root, Roots } from "../store/roots";
import {
  forgetImages,
  markDestroyed,
  readStackRecord,
  releasesOf,
  stackPageFile,
  type StackRecord,
} from "../store/stackRecord";
import { letGoOf } from "./dropRoot";
import { requireFree } from "./freeToGo";
import { namesOf, requireName } from "./imageNames";
import type { CommonOptions } from "./options";
import { readStackSettings } from "./stackSettings";

type RootsByName = ReadonlyMap<string, Root>;

/**
 * `kragle destroy [IMAGE...]`: the stack uses nothing any more, or nothing of these images. Released files stay; `gc` frees the store.
 *
 * @throws StageFailure (exit code 2) where there is no image of a name, or others stand on one
 */
export async function destroy(names: readonly string[], options: CommonOptions): Promise<number> {
  const { stack } = options;
  const { project, values } = readStackSettings(stack);
  const home = homeFolder();
  const roots = Roots.of(home, { project, stack });
  const last = await readStackRecord(home, roots.owner);
  // read before the Pulumi CLI deletes its resources, each of which drops its root
  const all = await roots.list();
  const had = imagesOf(all, last);
  const { images } = imageSettings(values);
  const known = [...new Set([...namesOf(images), ...had.filter((name) => name !== null)])];
  names.forEach((name) => requireName(known, stack, name));
  await requireFree(home, { project, stack, names }, all, images);
  // with the last of its images the stack lets go of what they shared, too
  const isWhole =
    names.length === 0 ||
    (had.length > 0 && had.every((name) => name !== null && names.includes(name)));
  const some = isWhole ? undefined : names;
  const isMeant = (root: string) => !some || some.includes(imageOfRoot(root) ?? "");
  const leaving: RootsByName = new Map([...all].filter(([root]) => isMeant(root)));
  const engine = options.engine ?? last?.engine ?? (await chooseEngine(undefined));
  const line = (text: string) => void (options.json || say(text + "\n"));
  if (engine === "pulumi") {
    if (!(await chooseEngine("pulumi"))) {
      throw new StageFailure(`stack ${stack} belongs to the Pulumi CLI, which is not on PATH`, {
        hint: "put the Pulumi CLI on PATH, or use --engine embedded to forget the stack here only",
        exitCode: EXIT.lacking,
      });
    }
    await (await import("../engine/pulumiCli")).destroyPulumi(home, stack, some, line);
  }
  for (const [, release] of releasesIn(leaving)) await letGoOf(home, release, roots.owner);
  if (some) {
    for (const root of leaving.keys()) await roots.drop(root);
    await forgetImages(home, roots.owner, some);
  } else {
    await roots.dropAll();
    await markDestroyed(home, roots.owner);
    await rm(stackPageFile(home, roots.owner), { force: true });
  }
  const dropped = [...leaving.keys()];
  if (options.json) print(JSON.stringify({ stack, engine, dropped }) + "\n");
  else wordsOf(stack, some, leaving).forEach(line);
  return EXIT.done;
}

/**
 * The names of the images of which a stack uses something, or whose release it remembers; null for one that has no name, of the time
 * when the stack had only that.
 */
const imagesOf = (roots: RootsByName, last: StackRecord | undefined): (string | null)[] => {
  // the builder is what several images share
  const used = [...roots.keys()].filter((root) => root !== builder.stage).map(imageOfRoot);
  return [...new Set([...used, ...(last?.destroyedAt ? [] : releasesOf(last).keys())])];
};

function wordsOf(
  stack: string,
  some: readonly string[] | undefined,
  leaving: RootsByName,
): string[] {
  const of = some ? ` of ${some.join(", ")}` : "";
  if (leaving.size === 0) return [`Stack ${stack} used nothing${of}; nothing was let go of.`];
  return [
    `Stack ${stack} uses nothing${of} any more.`,
    ...(releasesIn(leaving).length > 0 ? ["Released files were left where they are."] : []),
    ...(some
      ? ["The next ./kragle up makes them again, unless kragle:images is without them."]
      : []),
    "Next: ./kragle gc   frees what no stack uses",
  ];
}
