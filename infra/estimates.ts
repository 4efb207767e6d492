import type { StageDescription } from "../plan/description";
import type { FileDigests } from "../plan/imagePlan";
import { isPublicationRoot } from "../plan/roots";
import type { Root } from "../store/roots";
import type { StackRecord } from "../store/stackRecord";
import type { ArtifactStore } from "../store/artifactStore";

/**
 * How long a stage will take, from earlier runs of the like: this stack's last one, else the newest of any stack that uses the same
 * template. Nothing is guessed from another template, or from another kind of proof.
 */
export class Estimates {
  constructor(
    private readonly store: ArtifactStore,
    private readonly roots: ReadonlyMap<string, Root>,
    private readonly record: StackRecord | undefined,
    /** The image that the proofs of this plan will be about. */
    private readonly image: StageDescription,
  ) {}

  /** @returns seconds; undefined where nothing like it ran */
  async seconds(root: string, description: StageDescription): Promise<number | undefined> {
    const before = this.roots.get(root);
    // an edited file of the stack's own template is no other template
    const sameTask = !before?.description || isLike(before.description, description);
    const own = sameTask ? (before?.seconds ?? this.record?.seconds?.[root]) : undefined;
    return own ?? (await this.ofOthers(description));
  }

  private async ofOthers(description: StageDescription): Promise<number | undefined> {
    const { stage } = description;
    const images = IMAGE_DIGEST in description.upstream ? await this.likeImages() : undefined;
    const like = (await this.store.manifests(stage))
      .filter((manifest) => isLike(manifest.description, description, 0.5))
      .filter(({ description: { upstream } }) => images?.has(upstream[IMAGE_DIGEST]) ?? true)
      .sort((a, b) => (a.publishedAt < b.publishedAt ? 1 : -1));
    return like[0]?.seconds;
  }

  /** Digests of the images that were made from this plan's template. */
  private async likeImages(): Promise<ReadonlySet<unknown>> {
    const images = await this.store.manifests(this.image.stage);
    const like = images.filter(({ description }) => isLike(description, this.image, 0.5));
    return new Set(like.flatMap(({ files }) => files.map(({ sha256 }) => sha256)));
  }
}

const IMAGE_DIGEST = "imageSha256";

/** Inputs that make another task of a stage: an ISO's installer, another format, hypervisor, way to ask, or another number of boots. */
const taskOf = ({ inputs }: StageDescription) =>
  JSON.stringify([
    ...["format", "driver", "proof", "channel"].map((name) => inputs[name]),
    ...["isoSha256", "sourceSha256", "prebuilt"].map((name) => name in inputs),
  ]);

/** @param share how much of the template's files has to be the same */
function isLike(a: StageDescription, b: StageDescription, share = 0): boolean {
  if (taskOf(a) !== taskOf(b)) return false;
  return ["recipe", "template"].every((name) => {
    const [before, now] = [a, b].map(({ inputs }) => (inputs[name] ?? {}) as FileDigests);
    const names = Object.keys(now!);
    const same = names.filter((file) => before![file] === now![file]).length;
    return Object.keys(before!).join("\n") === names.join("\n") && same >= share * names.length;
  });
}

/** One stage's time in a run. */
interface Timed {
  readonly stage: string;
  /** Whether it will run. */
  readonly runs: boolean;
  readonly expectedSeconds?: number;
}

/**
 * How long a whole run will take: builder, base and image one after the other, then the proofs side by side, then release, then
 * the publications side by side.
 *
 * @returns seconds; the sum of what is known, so a lower bound where an estimate is lacking
 */
export function expectedTotal(stages: readonly Timed[]): number {
  const time = ({ runs, expectedSeconds = 0 }: Timed) => (runs ? expectedSeconds : 0);
  const inLine = new Set(["builder", "base", "image", "release"]);
  const line = stages.filter(({ stage }) => inLine.has(stage)).map(time);
  const longest = (publications: boolean) =>
    Math.max(
      0,
      ...stages
        .filter(({ stage }) => !inLine.has(stage) && isPublicationRoot(stage) === publications)
        .map(time),
    );
  return line.reduce((sum, seconds) => sum + seconds, 0) + longest(false) + longest(true);
}
