import { type Change, changedInputs } from "../plan/description";
import { conversionRoot } from "../plan/roots";
import type { Manifest } from "../store/manifest";
import type { PreviousRelease } from "./previous";
import type { Sources } from "./sources";

/** One stage as it was run, perhaps for an earlier release. */
export interface StageRun {
  /** The name under which the stack keeps it, such as `image` or `convert-raw`. */
  readonly root: string;
  readonly key: string;
  readonly description: Manifest["description"];
  /** ISO 8601. */
  readonly startedOn: string;
  readonly finishedOn: string;
  readonly seconds: number;
  readonly phases: Manifest["phases"];
  /** kragle's version, the stack and the Docker images, as the run noted them. */
  readonly madeBy?: Manifest["madeBy"];
}

export function stageRun(root: string, manifest: Manifest): StageRun {
  const { key, description, publishedAt, seconds, phases, madeBy } = manifest;
  const startedOn = new Date(Date.parse(publishedAt) - seconds * 1000).toISOString();
  return {
    ...{ root, key, description, startedOn, finishedOn: publishedAt, seconds, phases },
    ...(madeBy && { madeBy }),
  };
}

/** What a release calls an image on which its own was made, counting from the lowest. */
export const rootBelow = (index: number) => `image below ${index + 1}`;

/** The runs of all stages that a release has something of. */
export function runsOf({ base, below, image, check, conversions, smoke }: Sources): StageRun[] {
  return [
    ...(base ? [stageRun("base", base)] : []),
    ...below.map((manifest, index) => stageRun(rootBelow(index), manifest)),
    stageRun("image", image.manifest),
    stageRun("check", check.manifest),
    ...[...conversions].map(([name, { manifest }]) => stageRun(conversionRoot(name), manifest)),
    ...(smoke ? [stageRun("smoke", smoke.manifest)] : []),
  ];
}

/** Where a release has a stage's result from. */
export interface Origin {
  readonly from: "run" | "store";
  readonly why: string;
}

/**
 * Whether a stage was run for this release or came from the store, and why, told by what the release before and the run itself say of it.
 *
 * @param owner the stack that releases, as `shortIdentity` tells it
 */
export function originOf(run: StageRun, previous: PreviousRelease, owner: string): Origin {
  const before = previous.stages.find(({ root }) => root === run.root);
  if (before?.key === run.key && before.finishedOn === run.finishedOn) {
    return { from: "store", why: "nothing that it depends on has changed" };
  }
  if ((run.madeBy?.owner ?? owner) !== owner) {
    return { from: "store", why: "another stack has made it" };
  }
  const released = previous.releasedAt ?? previous.stackReleasedAt;
  if (released === undefined) return { from: "run", why: "the first release here" };
  if (before?.key === run.key) {
    return { from: "run", why: "its earlier result was lost, or a rebuild was asked for" };
  }
  if (run.finishedOn < released) {
    return { from: "store", why: "built earlier, before the last release or for another stack" };
  }
  if (!before) return { from: "run", why: "not in the release before" };
  const changes = changedInputs(before.description, run.description);
  return { from: "run", why: changes.map(inWords).join("; ") };
}

function inWords({ path: [kind, ...path], before = "none", after = "none" }: Change): string {
  if (kind === "version") return "kragle's program of this stage changed";
  return `${path.join("/")}: ${before} → ${after}`;
}
