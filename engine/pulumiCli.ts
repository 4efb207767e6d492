import { hostname } from "node:os";

import { isAlive } from "../host/alive";
import { EXIT } from "../host/failure";
import { rootOf } from "../plan/roots";
import { builder } from "../plan/stages/builder";
import { dockerBase, handImage } from "../plan/stages/questions";
import { type EngineRun, type Outputs, StepFailed } from "./events";
import { keepStackFile } from "./pulumiBackend";
import { EventTranslator } from "./pulumiEvents";
import { createStack, isUnknownStack, pulumi, type PulumiEvent } from "./pulumiProcess";

/**
 * Runs the Pulumi program by the real Pulumi CLI.
 *
 * @returns the stack's outputs; undefined for a preview
 * @throws StepFailed with the words of the first resource that failed
 */
export async function runPulumi(run: EngineRun): Promise<Outputs | undefined> {
  const restore = keepStackFile(run.stack);
  const listener = new EventTranslator(run);
  const { stack, signal } = run;
  const { home } = run.site;
  try {
    const verb = run.preview ? ["preview"] : ["up", "--yes", "--skip-preview"];
    const options = optionsFor(run);
    const onEvent = (event: PulumiEvent) => listener.take(event);
    const environment = {
      KRAGLE_PLAN_SHOWN: "1",
      KRAGLE_REBUILD: run.rebuild.join(","),
      KRAGLE_IMAGES: [...(run.plan.wanted ?? [])].join(","),
    };
    const given = { home, onEvent, environment, signal };
    const go = () => pulumi([...verb, ...options, "--stack", stack], given);
    let done = await unlocked(home, stack, go, (text) => run.onEvent({ kind: "note", text }));
    // tried first and made only then: asking beforehand would start the CLI once more in every run
    if (isUnknownStack(done.stderr)) {
      await createStack(home, stack);
      done = await go();
    }
    if (done.code !== 0) {
      const failure =
        listener.failure ?? new StepFailed("pulumi", ownError(done.stderr), EXIT.failed);
      if (isMany(run)) failure.outputs = listener.outputs;
      throw failure;
    }
    return run.preview ? undefined : listener.outputs;
  } finally {
    await restore();
  }
}

const isMany = ({ plan }: EngineRun) => plan.images.some(({ spec }) => spec.name !== null);

/** Of a stack with several images: how many stages run at a time, which images are wanted, and that one that fails holds back no other. */
function optionsFor(run: EngineRun): string[] {
  if (!isMany(run)) return [];
  const wanted = ofImages(run.plan.wanted ?? []);
  const targets = wanted.length > 0 ? [...SHARED, ...wanted] : [];
  return [
    ...(run.preview ? [] : ["--continue-on-error"]),
    ...(Number.isFinite(run.parallel) ? ["--parallel", String(run.parallel)] : []),
    ...asTargets(targets),
  ];
}

/** Names of images' resources, as the CLI's `--target` takes them. */
const ofImages = (names: Iterable<string>) =>
  [...names].flatMap((name) => [name, rootOf(name, "*")]);

const asTargets = (names: readonly string[]) =>
  names.flatMap((name) => ["--target", `**::${name}`]);

/** Names of resources that all images need. */
const SHARED = [builder.stage, dockerBase.name, handImage.name];

/**
 * Deletes the stack's resources by the Pulumi CLI; released files stay.
 *
 * @param images whose resources are deleted; undefined for all of the stack's
 * @throws StepFailed, where others depend on those with exit code 2: nothing is deleted then
 */
export async function destroyPulumi(
  home: string,
  stack: string,
  images: readonly string[] | undefined,
  onLine: (line: string) => void,
): Promise<void> {
  const restore = keepStackFile(stack);
  try {
    const targets = asTargets(ofImages(images ?? []));
    const verb = ["destroy", "--yes", "--skip-preview", "--stack", stack, ...targets];
    const lines: string[] = [];
    // what it refuses it tells once more for each resource
    const take = images ? (line: string) => void lines.push(line) : onLine;
    const go = () => pulumi(verb, { home, onLine: take });
    const { code, stdout, stderr } = await unlocked(home, stack, go, onLine);
    const holders = new Set([...stdout.matchAll(HELD)].map(([, image]) => image));
    if (images && holders.size > 0) {
      throw new StepFailed(
        "pulumi",
        `the Pulumi CLI deletes nothing of ${images.join(", ")} alone: stages that are the same are one behind the other, and those of ${[...holders].join(", ")} come later\n` +
          `  next: take ${images.join(", ")} out of kragle:images, and ./kragle up -s ${stack}`,
        EXIT.wrongSettings,
      );
    }
    lines.forEach(onLine);
    if (code !== 0 && !isUnknownStack(stderr)) {
      const said = `the Pulumi CLI deleted not everything (exit code ${code}); its own words stand above`;
      throw new StepFailed("pulumi", ownError(stderr) || said, EXIT.failed);
    }
  } finally {
    await restore();
  }
}

/** What the CLI says of an image's resource that depends on one which is to be deleted. */
const HELD = /::([a-z0-9-]+)\.[a-z0-9-]+' will be destroyed but was not specified/g;

/** Runs a command of the CLI; once more where it was refused because of a lock that a killed update left, which is removed. */
async function unlocked<T extends { stderr: string }>(
  home: string,
  stack: string,
  go: () => Promise<T>,
  onNote: (text: string) => void,
): Promise<T> {
  const done = await go();
  if (!isLeftLocked(done.stderr)) return done;
  onNote("an update that was killed left the stack locked; the lock is removed");
  await pulumi(["cancel", "--yes", "--stack", stack], { home });
  // resources that the killed update was creating are forgotten: they are made again, or found in the store
  const forget = ["refresh", "--yes", "--skip-preview", "--clear-pending-creates"];
  await pulumi([...forget, "--stack", stack], { home });
  return go();
}

/**
 * Whether the stack is locked, by processes of this machine that are no more. The CLI never removes a lock of itself; it says of each
 * "FILE: created by USER@HOST (pid PID) at TIME".
 */
export function isLeftLocked(stderr: string, alive = isAlive): boolean {
  if (!/^error: the stack is currently locked/m.test(stderr)) return false;
  const holders = [...stderr.matchAll(/created by \S+@(\S+) \(pid (\d+)\)/g)];
  return (
    holders.length > 0 &&
    holders.every(([, host, pid]) => host === hostname() && !alive(Number(pid)))
  );
}

/** The CLI's error message, without its warnings and hints. */
function ownError(stderr: string): string {
  if (/^error: the stack is currently locked/m.test(stderr)) {
    const holders = stderr.match(/created by .*/g)?.join(", ") ?? "unknown";
    return `another update of this stack is running (${holders})\n  next: wait for it, or, if it is gone, "pulumi cancel"`;
  }
  const said = stderr.split("\n").filter((line) => line.startsWith("error: "));
  return said.length > 0
    ? [...new Set(said)].join("\n")
    : stderr.split("\n").slice(0, 12).join("\n");
}
