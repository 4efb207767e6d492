import { readStackSettings } from "../cli/stackSettings";
import { planRows } from "../preview/planReport";
import { parseSettings } from "../settings/stack";
import { makePlan } from "../preview/stackPlan";
import type { BasedPlan, PlannedStage } from "../plan/imagePlan";
import type { ImageSpec } from "../plan/imageSpec";
import { claimResult } from "../run/answer";
import type { Artifact } from "../store/artifactStore";
import type { Manifest } from "../store/manifest";
import { siteWithoutDocker } from "./site";
import { ownerOf, rootsOf } from "./stacks";
import { TemporaryStore } from "./temporaryStore";

/** The image of the stack dev, as its settings describe it. */
export const devSpec = parseSettings(readStackSettings("dev").values, "dev");

/** The stack dev with a store of its own, in which a test lays what runs before have left: what its next plan finds there. */
export class ObservedStack {
  readonly at = new TemporaryStore();
  /** What the user wants built again. */
  rebuild: string[] = [];

  remove(): void {
    this.at.remove();
  }

  stackPlan(change: Partial<ImageSpec> = {}) {
    const { home } = this.at;
    const images = [{ ...devSpec, ...change }];
    return makePlan(siteWithoutDocker(home), { images }, ownerOf(home, "dev"), this.rebuild);
  }

  /** That of its image, which is made on no other. */
  async plan(change: Partial<ImageSpec> = {}) {
    const [image] = (await this.stackPlan(change)).images;
    return { ...image!, plan: image!.plan as BasedPlan };
  }

  /** Each stage's status and why. */
  async rows(change: Partial<ImageSpec> = {}): Promise<Record<string, string>> {
    const list = planRows(await this.stackPlan(change)).map(({ stage, status, reasons }) => [
      stage,
      [status, ...reasons].join(" | "),
    ]);
    return Object.fromEntries(list) as Record<string, string>;
  }

  /** Publishes a stage's result, as one that the stack uses unless it is said otherwise. */
  async publish(
    planned: PlannedStage,
    root: string | null,
    phases: Manifest["phases"] = [],
  ): Promise<Artifact> {
    const { stage } = planned.description;
    const file = { image: "image.qcow2", base: "disk.qcow2" }[stage] ?? "file";
    const artifact = await this.at.publish({ [file]: "x" }, planned.description, { phases });
    if (root !== null) await claimResult(rootsOf(this.at.home, "dev"), root, artifact.manifest);
    return artifact;
  }

  async markerOf(root: string, change: Partial<ImageSpec> = {}): Promise<string | undefined> {
    return (await this.plan(change)).observed.get(root)?.observation.marker;
  }
}
