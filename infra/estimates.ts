import type { StageDescription } from "../plan/description";
import { isPublicationRoot } from "../plan/roots";
import type { Root } from "../store/roots";
import type { StackRecord } from "../store/stackRecord";
import type { ArtifactStore } from "../store/artifactStore";

/** How long a stage will take, from earlier runs: this stack's last one, else the newest of any stack. */
export class Estimates {
  constructor(
    private readonly store: ArtifactStore,
    private readonly roots: ReadonlyMap<string, Root>,
    private readonly record: StackRecord | undefined,
  ) {}

  /** @returns seconds; undefined where the stage never ran */
  async seconds(root: string, description: StageDescription): Promise<number | undefined> {
    const own = this.roots.get(root)?.seconds ?? this.record?.seconds?.[root];
    return own ?? (await this.ofOthers(description));
  }

  private async ofOthers({ stage, inputs }: StageDescription): Promise<number | undefined> {
    // converting to one format says nothing of another, and libvirt's guest takes another time than QEMU's
    const isLike = (other: StageDescription) =>
      other.inputs.format === inputs.format && other.inputs.driver === inputs.driver;
    const like = (await this.store.manifests(stage))
      .filter((manifest) => isLike(manifest.description))
      .sort((a, b) => (a.publishedAt < b.publishedAt ? 1 : -1));
    return like[0]?.seconds;
  }
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
