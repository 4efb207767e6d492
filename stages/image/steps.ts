import { join } from "node:path";

import { BUILD_GID, BUILD_UID } from "../../executors/handOver";
import { inProject } from "../../host/project";
import type { Step, StepRequest } from "../../plan/steps";
import type { BundleFile } from "../../store/bundles";
import { planned } from "../../run/task";
import { foldersOf, type GuestFolder, writeFilesDisk } from "./filesDisk";

type FilesStep = Extract<Step, { kind: "files" }>;

/** What the program in the container does of a step: that of plan/steps.ts, but files by where the guest finds them. */
type Doing =
  | Exclude<Step, FilesStep>
  | {
      readonly kind: "files";
      /** Where each copy's archive begins on the disk of files, in MiB, and whose its files are. */
      readonly copies: readonly { readonly offset: number; readonly owner: string }[];
      readonly folders: readonly GuestFolder[];
    };

/** A step as the program in the container is told of it; the timeout in seconds, for what the guest runs on. */
export type StepSettings = Pick<StepRequest, "name" | "title"> &
  Doing & { readonly timeout: number };

/** What the steps run: scripts, each under its step's name, and playbooks in a folder of that name. */
export const stepScripts = (
  steps: readonly Step[],
  requests: readonly StepRequest[],
): BundleFile[] =>
  steps.flatMap((step, index) => {
    const { name, sources } = requests[index]!;
    if (step.kind === "ansible") {
      return planned(step.content, (file) => inProject(join(sources[0]!, file))).map((file) => ({
        ...file,
        at: `${name}/${file.at}`,
      }));
    }
    if (step.kind !== "script") return [];
    return [{ at: name, source: inProject(sources[0]!), digest: step.script }];
  });

/** An account for whoever runs Ansible: its SSH client asks who that is, and containers have a user without a name. */
export const ACCOUNTS = `root:x:0:0:root:/root:/bin/sh\nbuilder:x:${BUILD_UID}:${BUILD_GID}::/run/kragle:/bin/sh\n`;

/**
 * Tells the program in the container of each step, and writes the disk with the files of them all.
 *
 * @param disk where; there is none where no step copies files
 * @param seconds of a step that says nothing itself, with KVM
 * @param scale makes seconds with KVM such of what the guest runs on
 * @throws StageFailure where a file is no longer what was planned
 */
export async function prepareSteps(
  steps: readonly Step[],
  requests: readonly StepRequest[],
  disk: string,
  seconds: number,
  scale: (seconds: number) => number,
): Promise<StepSettings[]> {
  const copies = steps.flatMap((step, index) =>
    step.kind === "files"
      ? step.files.map((copy, n) => ({ ...copy, source: inProject(requests[index]!.sources[n]!) }))
      : [],
  );
  const offsets = copies.length > 0 ? await writeFilesDisk(disk, copies) : [];
  const doing = (step: Step): Doing =>
    step.kind === "files"
      ? {
          kind: step.kind,
          copies: step.files.map(({ owner }) => ({ offset: offsets.shift()!, owner })),
          folders: foldersOf(step.files),
        }
      : step;
  return steps.map((step, index) => {
    const { name, title, timeout } = requests[index]!;
    return { name, title, ...doing(step), timeout: scale(timeout ?? seconds) };
  });
}
