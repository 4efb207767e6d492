import { existsSync } from "node:fs";
import { lstat, realpath } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";

import { z } from "zod";

import { EXIT, StageFailure } from "../host/failure";
import { isSameFile } from "../host/files";
import { displayPath, projectFolder } from "../host/project";
import { parseRecord } from "../host/record";
import { readIfRegular } from "../host/regularFile";
import type { StackIdentity } from "../plan/identity";
import { OWNER } from "./layout";

const markFile = z.object({
  clone: z.string(),
  project: z.string(),
  stack: z.string(),
  /** Where the clone lies, and on which machine. */
  folder: z.string(),
  host: z.string(),
  /** The marked folder by its real path: in a copy of it the mark says nothing. */
  path: z.string(),
});

/** Whose release a folder has. The backend is not told: whichever is in use, it is one stack's file that sets the path. */
export type Mark = Readonly<z.infer<typeof markFile>>;

/** Bytes. */
const LARGEST = 2 ** 16;

/** The content of the mark that makes a folder this stack's. */
export async function encodeMark(
  { clone, project, stack }: StackIdentity,
  output: string,
): Promise<string> {
  const place = { folder: projectFolder, host: hostname(), path: await realpath(output) };
  return JSON.stringify({ clone, project, stack, ...place } satisfies Mark) + "\n";
}

/**
 * Reads a folder's mark.
 *
 * @param folder by which the mark is read
 * @param output the same folder by the path that people know
 * @returns undefined where there is none, or one that says nothing here
 */
export async function readMark(folder: string, output: string): Promise<Mark | undefined> {
  const file = join(folder, OWNER);
  const bytes = readIfRegular(file, LARGEST);
  const mark = bytes && parse(bytes);
  if (!mark) return undefined;
  const here = await realpath(output);
  if (mark.path === here) return mark;
  const original = join(mark.path, OWNER);
  if (!readIfRegular(original, LARGEST)?.equals(bytes)) return { ...mark, path: here };
  // one folder can have two paths, by a mount
  const [a, b] = await Promise.all([lstat(original), lstat(file)]);
  return isSameFile(a, b) ? mark : undefined;
}

/** @returns undefined for what a power cut left */
function parse(bytes: Buffer): Mark | undefined {
  try {
    return parseRecord(bytes, markFile);
  } catch {
    return undefined;
  }
}

export const isSame = (
  one: Pick<Mark, "clone" | "project" | "stack">,
  { clone, project, stack }: StackIdentity,
): boolean => one.clone === clone && one.project === project && one.stack === stack;

/** @throws StageFailure (exit code 2) where the mark is that of another stack which may still be there */
export function refuseOthers(mark: Mark, output: string, owner: StackIdentity): void {
  if (isSame(mark, owner)) return;
  const { project, stack, folder, host } = mark;
  const isOwnProject = project === owner.project;
  const isHere = host === hostname();
  if (isHere && !existsSync(folder)) return;
  // its own, of the time before the folder with the clone's id was deleted
  if (isHere && folder === projectFolder && isSame({ ...mark, clone: owner.clone }, owner)) return;
  const whose = [
    `stack ${stack}`,
    ...(isOwnProject ? [] : [`of project ${project}`]),
    ...(folder === projectFolder ? [] : [`of ${folder}`]),
    ...(isHere ? [] : [`on ${host}`]),
  ].join(" ");
  const there = isHere && folder !== projectFolder ? `in ${folder}, ` : "";
  const renamed = isOwnProject
    ? ""
    : `; where Pulumi.yaml here has only got another name, delete ${displayPath(join(output, OWNER))}`;
  const gone = isHere
    ? ""
    : `; where that machine, or container, is gone for good, delete ${displayPath(join(output, OWNER))}`;
  throw new StageFailure(
    `${displayPath(output)} belongs to ${whose}; two stacks cannot release there`,
    {
      hint: `set "path" of stack ${owner.stack} to another folder, or let the other stack go from there: ${there}./kragle destroy -s ${stack}${renamed}${gone}`,
      exitCode: EXIT.wrongSettings,
    },
  );
}
