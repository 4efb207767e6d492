import assert from "node:assert/strict";
import { cpSync } from "node:fs";
import { join } from "node:path";

import { readStackSettings } from "../cli/stackSettings";
import { claimHome } from "../host/home";
import { handImageDigest } from "../preview/dockerContext";
import { readInputFiles } from "../preview/inputFiles";
import { parseSettings } from "../settings/stack";
import type { ImageSpec } from "../plan/imageSpec";
import { DIGEST_LABEL, HAND_IMAGE } from "../plan/handImage";
import { type PlannedStage, planImage, planOn } from "../plan/imagePlan";
import type { ImageOutputs } from "../plan/outputs";
import { planProof } from "../plan/proofPlan";
import { Clone, type Finished } from "./clone";
import { answer, FakeDaemon } from "./fakeDaemon";
import { BASE_RESULT } from "./sampleCalls";
import { sha256 } from "./sha256";
import { checkFiles, imageFiles } from "./stageFiles";
import { named } from "./stacks";
import { TemporaryStore } from "./temporaryStore";

/** Where the builder is a ready one, too, no run takes more than the Pulumi CLI itself. */
export const READY = { builderImage: "kragle-tools:ready" };

/** What a stack of several images prints as its outputs. */
export interface ReleasedImages {
  readonly images: Readonly<Record<string, ImageOutputs>>;
}

/** Settings of a stack that only lacks its release where base, image and check are in the store. */
const LEAN = { formats: [], smoke: "none" };

/**
 * Clones in which `./kragle up` releases within seconds, without a builder: their store has an image that is built and checked, and
 * what is asked as Docker's daemon has the images. Everything else is real: processes, planning, keys, locks, the release.
 */
export class BuiltClones {
  private readonly at = new TemporaryStore();
  private readonly clones: Clone[] = [];
  private homes = 0;
  /** What the daemon has; `docker image prune` takes it. */
  hasImages = true;
  private handImageLabels: Readonly<Record<string, string>> = {};
  private readonly daemon = new FakeDaemon("docker", (path, response) => {
    const image = { Id: `sha256:${sha256("builder")}`, RootFS: { Layers: [] } };
    if (path === "/containers/json") answer(response, 200, []);
    else if (!this.hasImages) return false;
    else if (path === "/images/json")
      answer(response, 200, [
        { ...image, RepoTags: [`${HAND_IMAGE}:latest`], Labels: this.handImageLabels },
      ]);
    else if (/^\/images\/(kragle-tools|kragle-base|debian):.*\/json$/.test(path))
      answer(response, 200, image);
    else return false;
    return true;
  });

  /** @param settings of every stack, besides those of dev */
  constructor(private readonly settings: Readonly<Record<string, unknown>> = {}) {}

  async open(): Promise<void> {
    await this.daemon.open();
    const spec = parseSettings({ ...this.settingsOf({}) }, "dev");
    const { baseImage, packer } = spec;
    this.handImageLabels = { [DIGEST_LABEL]: handImageDigest({ baseImage, packer }) };
    const files = readInputFiles(spec);
    const { base, image } = planImage(spec, files, null);
    await this.lay(base, { files: { "disk.qcow2": "a disk" }, result: BASE_RESULT });
    await this.layImage(spec, image, "an image");
  }

  /** Lays what an image needs, too, that is made on that of the others. */
  addImageOnIt(): Promise<void> {
    return this.addImageOn({}, "an image on that image");
  }

  /** The same of one that is made on what another stack has released of that image. */
  addImageOnRelease(): Promise<void> {
    return this.addImageOn({ releasedSha256: sha256("an image") }, "an image on that release");
  }

  private async addImageOn(
    released: { readonly releasedSha256?: string },
    content: string,
  ): Promise<void> {
    const spec = parseSettings(this.settingsOf({}), "dev");
    const files = readInputFiles(spec);
    const { image } = planImage(spec, files, null);
    const another = planOn(spec, files, [spec], { image: image.key, ...released });
    await this.layImage(spec, another.image, content);
  }

  /** Lays what images with these settings need, too, on the base of the others. */
  async addImages(settings: readonly Readonly<Record<string, unknown>>[]): Promise<void> {
    for (const [index, own] of settings.entries()) {
      const spec = parseSettings(this.settingsOf(own), "dev");
      const { image } = planImage(spec, readInputFiles(spec), null);
      await this.layImage(spec, image, `image ${index}`);
    }
  }

  private async layImage(spec: ImageSpec, planned: PlannedStage, content: string): Promise<void> {
    await this.lay(planned, imageFiles(content));
    const files = { ...readInputFiles(spec), signer: null, owner: named("dev") };
    const { check } = planProof(spec, files, sha256(content));
    await this.lay(check, checkFiles(sha256(content)));
  }

  private async lay(
    { description }: PlannedStage,
    { files, result }: { readonly files: Record<string, string>; readonly result: object },
  ): Promise<void> {
    await this.at.publish(files, description, { result: { ...result } });
  }

  /** A clone with the stack dev, whose own home has the results too. */
  make(): Clone {
    const clone = this.keep(new Clone());
    this.addStack(clone, "dev");
    this.fill(clone.path(".kragle"));
    return clone;
  }

  /** A home with the results that several clones may share. */
  makeHome(): string {
    const home = join(this.at.home, "..", `home ${++this.homes}`);
    claimHome(home);
    this.fill(home);
    return home;
  }

  /** Lays the results into a home. */
  fill(home: string): void {
    const options = { recursive: true, preserveTimestamps: true };
    cpSync(join(this.at.home, "store"), join(home, "store"), options);
  }

  /** Lets a clone be removed with the others. */
  keep(clone: Clone): Clone {
    this.clones.push(clone);
    return clone;
  }

  addStack(clone: Clone, name: string, settings: Readonly<Record<string, unknown>> = {}): void {
    clone.addStack(name, this.settingsOf(settings));
  }

  private settingsOf(more: Readonly<Record<string, unknown>>): Record<string, unknown> {
    return { ...readStackSettings("dev").values, ...LEAN, ...this.settings, ...more };
  }

  /** Where the daemon answers. */
  get environment(): { readonly DOCKER_HOST: string } {
    return { DOCKER_HOST: this.daemon.address };
  }

  /** Runs `./kragle ARGUMENTS` in a clone, on its own home unless the environment names another. */
  kragle(
    clone: Pick<Clone, "kragle">,
    args: readonly string[],
    environment: NodeJS.ProcessEnv = {},
  ): Promise<Finished> {
    return clone.kragle(args, { ...this.environment, ...environment });
  }

  /** Runs a command line that has to succeed. @returns what it prints */
  async succeeds(
    clone: Pick<Clone, "kragle">,
    line: string,
    environment: NodeJS.ProcessEnv = {},
  ): Promise<string> {
    const { code, stdout, stderr } = await this.kragle(clone, line.split(" "), environment);
    assert.equal(code, 0, `${line}\n${stdout}\n${stderr}`);
    return stdout;
  }

  async close(): Promise<void> {
    this.clones.forEach((clone) => clone.remove());
    this.at.remove();
    await this.daemon.close();
  }
}
