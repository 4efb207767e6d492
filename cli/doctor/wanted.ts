import type { DaemonFacts } from "../../executors/daemon";
import { forProof, requireLibvirt } from "../../executors/libvirtHost";
import { readMemory } from "../../host/memory";
import type { StackIdentity } from "../../plan/identity";
import type { ImageSpec, StackRelease } from "../../plan/imageSpec";
import type { PlannedImage } from "../../preview/plan";
import { requireReleases } from "../../preview/releasesBelow";
import { remembered } from "../../preview/remembered";
import { isThere, poolsOf, wantedSource } from "../../preview/requirements";
import type { SourceDigest } from "../../preview/signedList";
import type { StackPlan } from "../../preview/stackPlan";
import { findRelease } from "../../preview/stackRelease";
import { findSigner } from "../../release/signing";
import type { SettingsError } from "../../settings/stack";
import { openStore } from "../../store/open";
import { findSource } from "../../store/sourceFile";
import { examineDisk, placesRequirement } from "./places";
import {
  memoryRequirement,
  processorsRequirement,
  type Requirement,
  verdict,
} from "./requirements";
import * as around from "./surroundings";
import { examined, isProblem, type Problem, refused, tried } from "./tried";

/** What a stack's settings want of this machine, a row each. */

export function settingsRequirement(problem: SettingsError | undefined): Requirement | undefined {
  if (!problem) return undefined;
  const found = problem.problems.join("\n");
  const row = verdict(
    "Settings",
    "missing",
    found,
    "settings that are right",
    "mend the stack's file",
  );
  return { ...row, wrongSettings: true };
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
  readonly source: SourceDigest | Problem | undefined;
  /** Read once: what is free changes all the time, and images that want the same get one row. */
  readonly memory: ReturnType<typeof readMemory>;
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
  const memory = readMemory();
  const rows: { readonly image: string | null; readonly row: Requirement }[] = [];
  for (const [index, spec] of images.entries()) {
    const around = { ...shared, memory, plan: plan?.images[index], source: sources[index] };
    for (const row of await examineSpec(home, spec, owner, around)) {
      rows.push({ image: spec.name, row });
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

/** Disk, ISO, memory, processors, libvirt and the key that signs. */
async function examineSpec(
  home: string,
  spec: ImageSpec,
  owner: StackIdentity,
  { daemon, toolsImage, plan, source: digest, memory }: Surroundings,
): Promise<Requirement[]> {
  const { signKey } = spec;
  const known = digest && !isProblem(digest) ? digest.digest : null;
  const source = wantedSource(spec, known);
  const found = source && findSource(home, source);
  const fetches = source && !found ? source.kind : null;
  const rows = [
    await examined("Free space", () => examineDisk(home, spec, owner, daemon, toolsImage, fetches)),
    source &&
      around.sourceRequirement({
        wanted: source,
        found,
        installed: plan !== undefined && isThere(plan, "base"),
      }),
    isProblem(digest) ? refused("Disk to begin with", "a digest that is known", digest) : undefined,
    memoryRequirement(memory, spec.memoryMiB),
    processorsRequirement(spec.cpus),
    await examined("Places of results", () => placesRequirement(home, spec, owner)),
    await libvirtRequirements(spec),
    signKey === null
      ? undefined
      : await tried("Signing key", "one that signs without a question", async () => {
          const { fingerprint } = await findSigner(signKey);
          return fingerprint;
        }),
  ];
  return rows.flat().filter((row) => row !== undefined);
}

/** The daemons that are to boot the image, or to take copies of it. */
function libvirtRequirements(spec: ImageSpec): Promise<Requirement[]> {
  const { smoke, libvirtUri: uri } = spec;
  const wanted = [...(smoke === "libvirt" ? [{ ...forProof, uri }] : []), ...poolsOf(spec)];
  return Promise.all(
    wanted.map(({ uri, pool, otherwise }) =>
      tried("libvirt", `a daemon at ${uri} with the pool ${pool}`, async () => {
        await requireLibvirt(uri, pool, otherwise);
        return `answers at ${uri}, with the pool ${pool}`;
      }),
    ),
  );
}
