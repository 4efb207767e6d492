import type { StageDescription } from "../plan/description";
import type { FileDigests, ImagePlan } from "../plan/imagePlan";
import type { Root } from "../store/roots";
import type { StackRecord } from "../store/stackRecord";
import type { ArtifactStore } from "../store/artifactStore";
import { type Manifest, secondsOfStep } from "../store/manifest";

/**
 * How long a stage will take, from earlier runs of the like: this stack's last one, else the newest of any stack that uses the same
 * template. Nothing is guessed from another template or release, or from another kind of proof.
 */
export class Estimates {
  private readonly read = new Map<string, Promise<Manifest[]>>();

  constructor(
    private readonly store: ArtifactStore,
    private readonly roots: ReadonlyMap<string, Root>,
    private readonly record: StackRecord | undefined,
  ) {}

  /**
   * @param plan of the image that the stage makes, or is about
   * @param passed how many of the user's steps do not run, since the build goes on from the point after them; what they took in that earlier run
   *   is not counted
   * @returns seconds; undefined where nothing like it ran
   */
  async seconds(
    root: string,
    description: StageDescription,
    plan: ImagePlan,
    passed = 0,
  ): Promise<number | undefined> {
    const before = this.roots.get(root);
    // an edited file of the stack's own template is no other template
    const sameTask = !before?.description || isLike(before.description, description);
    const own = sameTask ? (before?.seconds ?? this.record?.seconds?.[root]) : undefined;
    const run =
      own === undefined ? await this.ofOthers(description, plan) : { ...before, seconds: own };
    if (run === undefined || passed === 0) return run?.seconds;
    const manifest = (await this.manifests(description.stage)).find(({ key }) => key === run.key);
    const steps = manifest
      ? Array.from({ length: passed }, (_, at) => secondsOfStep(manifest, at + 1))
      : [];
    return steps.reduce<number>((left, seconds = 0) => Math.max(0, left - seconds), run.seconds);
  }

  private async ofOthers(
    description: StageDescription,
    plan: ImagePlan,
  ): Promise<Manifest | undefined> {
    const { stage } = description;
    const images = IMAGE_DIGEST in description.upstream ? await this.likeImages(plan) : undefined;
    const others = await this.otherBases(plan);
    const like = (await this.manifests(stage))
      .filter((manifest) => isLike(manifest.description, description, 0.5))
      .filter(({ description: { upstream } }) => !others.has(upstream.base))
      .filter(({ description: { upstream } }) => images?.has(upstream[IMAGE_DIGEST]) ?? true)
      .sort((a, b) => (a.publishedAt < b.publishedAt ? 1 : -1));
    return like[0];
  }

  /** Digests of the images that were made from the same template and release. */
  private async likeImages(plan: ImagePlan): Promise<ReadonlySet<unknown>> {
    const others = await this.otherBases(plan);
    const { description: image } = plan.image;
    const like = (await this.manifests(image.stage)).filter(
      ({ description }) =>
        isLike(description, image, 0.5) && !others.has(description.upstream.base),
    );
    return new Set(like.flatMap(({ files }) => files.map(({ sha256 }) => sha256)));
  }

  /** Keys of installed disks that are of another template or release: templates may have one and the same Packer part. */
  private async otherBases({ base }: ImagePlan): Promise<ReadonlySet<unknown>> {
    // what is made on another image is on none
    if (!base) return new Set();
    const others = (await this.manifests(base.description.stage)).filter(
      ({ description }) => !isLike(description, base.description, 0.5),
    );
    return new Set(others.map(({ key }) => key));
  }

  /** A plan of many stages asks for the same ones again and again. */
  private manifests(stage: string): Promise<Manifest[]> {
    const read = this.read.get(stage) ?? this.store.manifests(stage);
    this.read.set(stage, read);
    return read;
  }
}

const IMAGE_DIGEST = "imageSha256";
const FACTS = "template.json";

/** Inputs that make another task of a stage: an ISO's installer, another release, another format, hypervisor, way to ask, or another number of boots. */
const taskOf = ({ inputs }: StageDescription) =>
  JSON.stringify([
    ...["format", "driver", "proof", "channel", "suite"].map((name) => inputs[name]),
    ...["isoSha256", "sourceSha256", "prebuilt"].map((name) => name in inputs),
  ]);

/** @param share how much of the template's files has to be the same; if any, then what says which release it is, too */
function isLike(a: StageDescription, b: StageDescription, share = 0): boolean {
  if (taskOf(a) !== taskOf(b)) return false;
  return ["recipe", "template"].every((name) => {
    const [before, now] = [a, b].map(({ inputs }) => (inputs[name] ?? {}) as FileDigests);
    const names = Object.keys(now!);
    const same = names.filter((file) => before![file] === now![file]);
    return (
      Object.keys(before!).join("\n") === names.join("\n") &&
      same.length >= share * names.length &&
      (share === 0 || !names.includes(FACTS) || same.includes(FACTS))
    );
  });
}

/** One stage's time in a run. */
export interface Timed {
  readonly stage: string;
  /** Whether it will run. */
  readonly runs: boolean;
  readonly expectedSeconds?: number;
  /** Names of the stages that have to be done before it begins. */
  readonly after: readonly string[];
}

/**
 * How long a whole run will take, where each stage begins when those before it are done, and no more run at a time than may.
 *
 * @param parallel how many run at a time
 * @returns seconds; by what is known, so a lower bound where an estimate is lacking
 */
export function expectedTotal(stages: readonly Timed[], parallel = Infinity): number {
  const names = new Set(stages.map(({ stage }) => stage));
  const ends = new Map<string, number>();
  // when each of those that run at a time will have ended
  const running: number[] = [];
  const waiting = new Set(stages);
  const isReady = ({ after }: Timed) => after.every((name) => ends.has(name) || !names.has(name));
  const secondsOf = ({ runs, expectedSeconds = 0 }: Timed) => (runs ? expectedSeconds : 0);
  const startOf = (one: Timed) => {
    const free = running.length < parallel ? 0 : Math.min(...running);
    const before = one.after.map((name) => ends.get(name) ?? 0);
    return Math.max(secondsOf(one) > 0 ? free : 0, ...before);
  };
  for (;;) {
    const next = [...waiting]
      .filter(isReady)
      .map((one) => ({ one, start: startOf(one) }))
      .reduce<{ one: Timed; start: number } | undefined>(
        (first, each) => (first && first.start <= each.start ? first : each),
        undefined,
      );
    if (!next) return Math.max(0, ...ends.values());
    const { one, start } = next;
    waiting.delete(one);
    const end = start + secondsOf(one);
    ends.set(one.stage, end);
    if (end === start) continue;
    if (running.length >= parallel) running.splice(running.indexOf(Math.min(...running)), 1);
    running.push(end);
  }
}
