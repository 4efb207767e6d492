import type { DaemonFacts } from "../../executors/daemon";
import { requireLibvirt } from "../../executors/libvirtHost";
import { StageFailure } from "../../host/failure";
import { readMemory } from "../../host/memory";
import { findSource } from "../../store/sourceFile";
import { type PlannedImage, sourceDigest } from "../../infra/plan";
import type { SourceDigest } from "../../infra/signedList";
import { requireReleases } from "../../infra/releasesBelow";
import { remembered } from "../../infra/remembered";
import { isThere, wantedSource } from "../../infra/requirements";
import { SettingsError } from "../../infra/settings";
import type { StackPlan } from "../../infra/stackPlan";
import { findRelease } from "../../infra/stackRelease";
import type { StackIdentity } from "../../plan/identity";
import type { ImageSpec, SourceDisk, StackRelease, StackSpec } from "../../plan/imageSpec";
import { findSigner } from "../../release/signing";
import { openStore } from "../../store/open";
import { engineNeeds } from "../engineNeeds";
import type { StackSettings } from "../stackSettings";
import { examineDisk, placesRequirement } from "./places";
import {
  memoryRequirement,
  processorsRequirement,
  type Requirement,
  verdict,
} from "./requirements";
import * as around from "./surroundings";
import { refused, tried } from "./tried";

/** What a stack's settings want of this machine, a row each. */

export function settingsRequirement(wanted: object | SettingsError): Requirement | undefined {
  if (!(wanted instanceof SettingsError)) return undefined;
  const found = wanted.problems.join("\n");
  const row = verdict(
    "Settings",
    "missing",
    found,
    "settings that are right",
    "mend the stack's file",
  );
  return { ...row, wrongSettings: true };
}

/** What only the Pulumi CLI can do. */
export function engineRequirements(
  pulumi: string | undefined,
  { settings, spec }: { readonly settings: StackSettings; readonly spec: StackSpec },
): Requirement[] {
  return engineNeeds(pulumi ? "pulumi" : "embedded", undefined, settings, spec.images).map(
    ({ name, need, problem }) =>
      problem
        ? refused(name, need, problem)
        : verdict(name, "ok", `the Pulumi CLI ${pulumi}`, need),
  );
}

/** What other stacks have to have released before; undefined where nothing is made on it. */
export async function releaseRequirement(
  home: string,
  images: readonly ImageSpec[],
  owner: StackIdentity,
): Promise<Requirement | undefined> {
  const notes = new Set<string>();
  const find = remembered(async (from: StackRelease) => {
    const found = await findRelease(openStore(home), owner, from);
    notes.add(found.note);
    return found;
  });
  if (images.every(({ onRelease }) => onRelease === null)) return undefined;
  return tried("Release to begin with", "a whole release of the stack in from", async () => {
    await requireReleases(images, find);
    return [...notes].join("\n");
  });
}

interface Surroundings {
  readonly daemon: DaemonFacts | undefined;
  readonly toolsImage: string | undefined;
  readonly plan: PlannedImage | undefined;
  /** Of the disk that the image begins with, or why its digest is not known; undefined for none. */
  readonly source: SourceDigest | StageFailure | undefined;
}

/** The same of all images, in their order. */
interface ImagesSurroundings extends Pick<Surroundings, "daemon" | "toolsImage"> {
  readonly plan: StackPlan | undefined;
  readonly sources: readonly Surroundings["source"][];
}

/** What the images of a stack want, each row once: what several want alike, and what each of them wants, by its name. */
export async function examineImages(
  home: string,
  images: readonly ImageSpec[],
  owner: StackIdentity,
  { plan, sources, ...shared }: ImagesSurroundings,
): Promise<Requirement[]> {
  const rows: { readonly image: string | null; readonly row: Requirement }[] = [];
  for (const [index, spec] of images.entries()) {
    const around = { ...shared, plan: plan?.images[index], source: sources[index] };
    for (const row of await examineSpec(home, spec, owner, around)) {
      if (row) rows.push({ image: spec.name, row });
    }
  }
  const same = Map.groupBy(rows, ({ row }) => JSON.stringify(row));
  return [...same.values()].map(([first, ...others]) => {
    const { image, row } = first!;
    const isOfAll = image === null || others.length === images.length - 1;
    const whose = [first!, ...others].map((one) => one.image).join(", ");
    return isOfAll ? row : { ...row, name: `${row.name} (${whose})` };
  });
}

/** The digest of a disk, in whose place a failure is the row's. */
export const digestOrFailure = (
  home: string,
  from: SourceDisk,
): Promise<SourceDigest | StageFailure> =>
  sourceDigest(home, from).catch((error: Error) => {
    if (error instanceof StageFailure) return error;
    throw error;
  });

/** Disk, ISO, memory, processors, libvirt and the key that signs. */
async function examineSpec(
  home: string,
  spec: ImageSpec,
  owner: StackIdentity,
  { daemon, toolsImage, plan, source: digest }: Surroundings,
): Promise<(Requirement | undefined)[]> {
  const { smoke, libvirtUri, signKey } = spec;
  const known = digest && "digest" in digest ? digest.digest : null;
  const source = wantedSource(spec, known);
  const found = source && findSource(home, source);
  const fetches = source && !found ? source.kind : null;
  return [
    ...(await examineDisk(home, spec, owner, daemon, toolsImage, fetches)),
    source
      ? around.sourceRequirement({
          wanted: source,
          found,
          installed: plan !== undefined && isThere(plan, "base"),
        })
      : undefined,
    digest instanceof StageFailure
      ? refused("Disk to begin with", "a digest that is known", digest)
      : undefined,
    memoryRequirement(readMemory(), spec.memoryMiB),
    processorsRequirement(spec.cpus),
    await placesRequirement(home, spec, owner),
    smoke === "libvirt"
      ? await tried("libvirt", `a daemon at ${libvirtUri} with a pool`, async () => {
          await requireLibvirt(libvirtUri);
          return `answers at ${libvirtUri}`;
        })
      : undefined,
    signKey === null
      ? undefined
      : await tried("Signing key", "one that signs without a question", async () => {
          const { fingerprint } = await findSigner(signKey);
          return fingerprint;
        }),
  ];
}
