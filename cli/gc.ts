import { existsSync } from "node:fs";
import { join } from "node:path";

import { counted, formatSize } from "../plan/units";
import { thisClone } from "../host/clone";
import { EXIT } from "../host/failure";
import { homeFolder } from "../host/home";
import { print, say, tell } from "../host/output";
import { printable } from "../host/printable";
import { asCalledHere, displayPath, stackNames } from "../host/project";
import { openStore } from "../store/open";
import { collectGarbage } from "../store/gc";
import type { HeldRoots } from "../store/roots";
import { projectName } from "./stackSettings";

interface Options {
  readonly json?: boolean;
  readonly dryRun?: boolean;
  readonly points?: boolean;
}

/** `kragle gc`: deletes what no stack uses, and says which stacks keep what. */
export async function gc({ json, dryRun = false, points = false }: Options): Promise<number> {
  const home = homeFolder();
  const found = await collectGarbage(openStore(home), dryRun, points);
  const { deleted, foreign, unreadable, failed } = found;
  const exitCode = failed.length ? EXIT.lacking : EXIT.done;
  const bytes = deleted.reduce((sum, entry) => sum + entry.bytes, 0);
  const keepers = named(found.kept);
  const unknown = [...keepers].flatMap(([name, held]) => {
    const why = whyUnknown(held);
    return why ? [{ name, why, held }] : [];
  });
  if (json) {
    const counts = [...keepers].map(([name, { roots }]) => [name, roots.size] as const);
    const kept = Object.fromEntries(counts);
    const unknownStacks = unknown.map(({ name }) => name);
    print(JSON.stringify({ ...found, kept, bytes, unknownStacks }) + "\n");
    return exitCode;
  }
  for (const { name, bytes: size } of deleted) say(`${name}  ${formatSize(size)}\n`);
  const verb = dryRun ? "would be freed" : "freed";
  const folders = counted(deleted.length, "folder");
  say(`${folders}, ${formatSize(bytes)} ${verb}\n`);
  for (const { name, why, held } of unknown) {
    const notes = [join("roots", held.folder), join("stacks", `${held.folder}.json`)]
      .map((note) => join(home, note))
      .filter((note) => existsSync(note))
      .map((note) => `'${displayPath(note)}'`);
    const results = counted(held.roots.size, "result");
    say(
      `stack ${name} ${why} but keeps ${results}; delete ${notes.join(" and ")} if it is gone for good\n`,
    );
  }
  for (const name of foreign) {
    say(`${printable(name)} is not kragle's, or is a link: left alone\n`);
  }
  if (unreadable.length > 0) {
    const next = asCalledHere("./kragle up of that stack writes them again");
    say(
      `no result was deleted, for nobody knows which of them these kept: ${unreadable.join(", ")}\n` +
        `  next: ${next}; delete them where the stack is gone for good\n`,
    );
  }
  for (const { name, reason } of failed) tell(`${name} could not be deleted: ${reason}\n`);
  return exitCode;
}

/** Names that tell the stacks of a home apart: a stack of this clone by its name, another by what else it takes. */
function named(kept: readonly HeldRoots[]): ReadonlyMap<string, HeldRoots> {
  const names = new Map<string, HeldRoots>();
  for (const held of kept) {
    const { stack, owner, folder } = held;
    const elsewhere = owner && owner.clone !== thisClone().id ? [`of ${owner.path}`] : [];
    const project = owner && owner.project !== projectName() ? [owner.project] : [];
    const short = [stack, ...elsewhere, ...project].join(" ");
    const backend = owner ? `${short} at ${owner.backend}` : folder;
    names.set([short, backend].find((name) => !names.has(name)) ?? folder, held);
  }
  return names;
}

/** Why nobody may be left who uses what a stack keeps; undefined for a stack that is here. */
function whyUnknown({ stack, owner }: HeldRoots): string | undefined {
  if (owner && owner.clone !== thisClone().id) {
    return existsSync(owner.path) ? undefined : "has no folder any more";
  }
  return stackNames().includes(stack) || (owner && owner.project !== projectName())
    ? undefined
    : `has no Pulumi.${stack}.yaml here`;
}
