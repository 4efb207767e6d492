import type { Outputs } from "../engine/events";
import { rootOf } from "../plan/roots";
import { release } from "../plan/stages/release";
import { changeStackRecord, releasesOf, type StackRecord } from "../store/stackRecord";
import { namesOf } from "./imageNames";
import type { Session } from "./session";
import type { View } from "./view/view";

/** Remembers what a run has released, for other verbs. */
export function noteRun(
  { site, spec, owner, engine }: Session,
  outputs: Outputs,
  view: Pick<View, "finished" | "seconds">,
): Promise<void> {
  const names = namesOf(spec.images);
  return changeStackRecord(site.home, owner, (now) => ({
    engine,
    outputs: besideOthers(outputs, now, names, (name) => isDone(view, name)),
    finishedAt: new Date().toISOString(),
    seconds: { ...now?.seconds, ...view.seconds },
  }));
}

/** Whether a run has brought an image to its end. */
export const isDone = ({ finished }: Pick<View, "finished">, name: string): boolean =>
  finished.has(rootOf(name, release.stage));

/** What a run of some images of a stack knows of the others is what stood in the record when it began; another run may have released them since. */
function besideOthers(
  outputs: Outputs,
  now: StackRecord | undefined,
  names: readonly string[],
  isOwn: (name: string) => boolean,
): Outputs {
  if (!("images" in outputs)) return outputs;
  const own = releasesOf({ outputs });
  const theirs = releasesOf(now?.destroyedAt === undefined ? now : undefined);
  const images = names.map((name) => [name, (isOwn(name) ? own : theirs).get(name)] as const);
  return { ...outputs, images: Object.fromEntries(images.filter(([, one]) => one)) };
}
