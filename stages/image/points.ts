import { base } from "../../plan/stages/base";
import { type DescriptionOf, plan } from "../../plan/stages/contract";
import { image } from "../../plan/stages/image";
import { point } from "../../plan/stages/point";
import type { StageContext } from "../../run/stage";
import type { Artifact } from "../../store/artifactStore";
import { findPoints, type KeptPoint, type KeptPoints } from "../../store/pointChain";
import { PointPublisher, POINTS } from "./publishPoints";
import { StepSecrets } from "./stepSecrets";

type Context = StageContext<typeof image>;

/** What build_image.py is told: from which points it can go on, and from which step on it takes none. */
interface PointSettings {
  readonly from: readonly { readonly step: number; readonly qemu: string }[];
  readonly until: number | null;
}

/** The points of one build: those that it can go on from, and those that it takes. */
export class Points {
  private readonly publisher: PointPublisher;

  private constructor(
    private readonly context: Context,
    built: DescriptionOf<typeof image>,
    private readonly installed: Artifact,
    /** The lowest first. */
    private readonly chain: readonly (KeptPoint & { readonly artifact: Artifact })[],
    private readonly silent: KeptPoints["silent"],
  ) {
    this.publisher = new PointPublisher(context, built, installed, chain);
  }

  /** Looks which points there are, and tells which of them the build goes on from. */
  static async of(context: Context, installed: Artifact): Promise<Points> {
    const { inputs, upstream, rebuild, request, secrets, store, detail } = context;
    const { description } = plan(image, inputs, upstream);
    if (request.points === 0 || rebuild) {
      return new Points(context, description, installed, [], undefined);
    }
    const seen = new StepSecrets(inputs.steps, secrets);
    const { chain, unused, silent } = await findPoints(
      store,
      description,
      installed.manifest,
      (step, mark) => seen.isSame(step, mark),
    );
    unused.forEach(detail);
    const here = chain.map(async (kept) => ({
      ...kept,
      artifact: await store.artifact(point.stage, kept.key),
    }));
    const points = new Points(context, description, installed, await Promise.all(here), silent);
    const { last } = points.publisher;
    if (last > 0) detail(`goes on from the ${points.publisher.named(last)}`);
    return points;
  }

  /** By the place at which build_image.py sees them. */
  get artifacts(): Record<string, Artifact> {
    return Object.fromEntries(
      this.chain.map(({ step, artifact }) => [`/${POINTS}/${step}`, artifact]),
    );
  }

  /** As build_image.py is told of them. */
  get settings(): PointSettings | null {
    const { points, steps } = this.context.request;
    if (points === 0 || steps.length === 0) return null;
    return {
      from: this.chain.map(({ step, qemu }) => ({ step, qemu })),
      until: this.silent ?? null,
    };
  }

  /** Runs the build to its end, and brings the points that it takes into the store meanwhile. */
  publishDuring<T>(build: () => Promise<T>): Promise<T> {
    return this.settings === null ? build() : this.publisher.during(build);
  }

  /** What a build that failed leaves for the next one, as the end of a sentence. */
  kept(): string {
    const { last } = this.publisher;
    if (last > 0) {
      return `it goes on from the ${this.publisher.named(last)}, unless that or an earlier step is changed`;
    }
    const isBase = this.installed.manifest.stage === base.stage;
    return `${isBase ? "the base" : "the image that it is made on"} is kept`;
  }
}
