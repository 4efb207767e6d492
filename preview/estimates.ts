import type { StageDescription } from "../plan/description";
import type { FileDigests, ImagePlan } from "../plan/imagePlan";
import type { Step } from "../plan/steps";
import type { Root } from "../store/roots";
import type { StackRecord } from "../store/stackRecord";
import type { ArtifactStore } from "../store/artifactStore";
import { type Manifest, secondsOfStep } from "../store/manifest";
import { remembered } from "./remembered";

/**
 * How long a stage will take, from earlier runs of the like: this stack's last one, else the newest of any stack that uses the same
 * template. Nothing is guessed from another template or release, or from another kind of proof.
 */
export class Estimates {
  /** A plan of many stages asks for the same ones again and again. */
  private readonly manifests = remembered((stage: string) => this.store.manifests(stage));

  constructor(
    private readonly store: ArtifactStore,
    private readonly roots: ReadonlyMap<string, Root>,
    private readonly record: StackRecord | undefined,
  ) {}

  /**
   * @param plan of the image that the stage makes, or is about
   * @param passed how many of the user's steps do not run, since the build goes on from the point after them
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
    const like = await this.likeRuns(description, plan);
    const run = own === undefined ? like[0] : { ...before, seconds: own };
    const then = (await this.manifests(description.stage)).find(({ key }) => key === run?.key);
    return then && run ? run.seconds + otherSteps(then, description, passed, like) : run?.seconds;
  }

  /** Runs of the like, the newest first. */
  private async likeRuns(description: StageDescription, plan: ImagePlan): Promise<Manifest[]> {
    const { stage } = description;
    const images = IMAGE_DIGEST in description.upstream ? await this.likeImages(plan) : undefined;
    const others = await this.otherBases(plan);
    return (await this.manifests(stage))
      .filter((manifest) => isLike(manifest.description, description, 0.5))
      .filter(({ description: { upstream } }) => !others.has(upstream.base))
      .filter(({ description: { upstream } }) => images?.has(upstream[IMAGE_DIGEST]) ?? true)
      .sort((a, b) => (a.publishedAt < b.publishedAt ? 1 : -1));
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
}

/** Kinds of an image's steps, by their order; none of another stage. */
const kindsOf = ({ inputs }: StageDescription) =>
  ((inputs.steps ?? []) as readonly Pick<Step, "kind">[]).map(({ kind }) => kind);

/**
 * What the user's steps make of the difference between a run and the next one: those that ran then and will not now, since the build goes on
 * after them; and those that will run now and did not then, as long as they took in the newest run of the like that has them.
 *
 * @returns seconds, fewer than 0 where the next run is shorter
 */
function otherSteps(
  then: Manifest,
  now: StageDescription,
  passed: number,
  like: readonly Manifest[],
): number {
  const took = (run: Manifest, at: number) => secondsOfStep(run, at + 1);
  return kindsOf(now).reduce((seconds, kind, at) => {
    const before = took(then, at);
    if (at < passed) return seconds - (before ?? 0);
    if (before !== undefined) return seconds;
    const ran = like.find(
      (run) => kindsOf(run.description)[at] === kind && took(run, at) !== undefined,
    );
    return seconds + (ran ? took(ran, at)! : 0);
  }, 0);
}

const IMAGE_DIGEST = "imageSha256";
const FACTS = "template.json";

/** Inputs that make another task of a stage: an ISO's installer, another release, another format, hypervisor, way to ask, or another number of boots. */
const taskOf = ({ inputs }: StageDescription) =>
  JSON.stringify([
    ...["format", "driver", "proof", "channel", "suite"].map((name) => inputs[name]),
    ...["isoSha256", "sourceFormat", "prebuilt"].map((name) => name in inputs),
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
