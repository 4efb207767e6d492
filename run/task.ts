import { join } from "node:path";

import type { Input, Output, Task } from "../executors/executor";
import type { FileDigests } from "../plan/imagePlan";
import { type ProgramSet, PROGRAMS } from "../plan/programs";
import { type BundleFile, makeBundle } from "../store/bundles";
import type { Artifact } from "../store/artifactStore";
import type { Workplace } from "../store/workplace";
import { programsFolder } from "../host/project";

/** By the path under which a container sees it. */
type At<T> = Readonly<Record<string, T>>;

/** What a stage asks of its executor: named by what it is, not by where it lies on this machine. */
export interface StageTask extends Omit<
  Task,
  | "storeId"
  | "key"
  | "programs"
  | "inputs"
  | "outputs"
  | "log"
  | "onLine"
  | "redactor"
  | "watch"
  | "signal"
> {
  /** kragle's own programs that it runs, see {@link plannedPrograms} and {@link programsOf}. */
  readonly programs: readonly BundleFile[];
  readonly artifacts?: At<Artifact>;
  /** Trees of small files. */
  readonly bundles?: At<readonly BundleFile[]>;
  /** Files that the stage has verified, absolute. */
  readonly files?: At<string>;
  /** Folders of the result, relative to the work folder: "." is the whole. */
  readonly results?: At<string>;
  /** Folders of this machine's store that stay from run to run, by name. */
  readonly caches?: At<string>;
}

/** kragle's programs as they were when the stage was planned. */
export const plannedPrograms = (digests: FileDigests): BundleFile[] =>
  planned(digests, (name) => join(programsFolder, name)).map(inOneFolder);

/** kragle's programs as they are: for what the stage's key does not depend on. */
export const programsOf = (set: ProgramSet): BundleFile[] =>
  PROGRAMS[set].map((name) => inOneFolder({ at: name, source: join(programsFolder, name) }));

/** Programs find each other in one folder, in whichever they are kept. */
const inOneFolder = (file: BundleFile): BundleFile => ({
  ...file,
  at: file.at.slice(file.at.lastIndexOf("/") + 1),
});

/**
 * The files that a stage's key names.
 *
 * @param source where each lies, absolute
 */
export const planned = (digests: FileDigests, source: (name: string) => string): BundleFile[] =>
  Object.entries(digests).map(([name, digest]) => ({ at: name, source: source(name), digest }));

/** The part of an executor's task that says what the container sees. */
export async function locate(
  place: Workplace,
  work: string,
  task: StageTask,
): Promise<Pick<Task, "programs" | "inputs" | "outputs">> {
  const inputs: Input[] = [];
  for (const [at, { folder }] of entries(task.artifacts)) inputs.push({ at, path: folder });
  for (const [at, files] of entries(task.bundles)) {
    inputs.push({ at, path: await makeBundle(place, files) });
  }
  for (const [at, path] of entries(task.files)) inputs.push({ at, path, foreign: true });
  const outputs: Output[] = [
    ...entries(task.results).map(([at, name]) => ({ at, path: join(work, name) })),
    ...entries(task.caches).map(([at, name]) => ({ at, path: join(place.home, name) })),
  ];
  return { programs: await makeBundle(place, task.programs), inputs, outputs };
}

const entries = <T>(mounts: At<T> = {}) => Object.entries(mounts);
