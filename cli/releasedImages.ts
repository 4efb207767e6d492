import { homeFolder } from "../host/home";
import { inProject, isOwnProject } from "../host/project";
import type { StackIdentity, StackName } from "../plan/identity";
import { type ImageOutputs, imageOutputs } from "../plan/outputs";
import { imageOfRoot } from "../plan/roots";
import { release } from "../plan/stages/release";
import { type ImageSettings, imageSettings } from "../settings/images";
import { openStore } from "../store/open";
import { releasesIn, Roots } from "../store/roots";
import { projectName, readStackSettings, requireStackName } from "./stackSettings";

/** A stack, and its images as far as the command line can know them. */
export interface KnownStack extends StackName {
  readonly images: readonly ImageSettings[];
}

/**
 * The images of a stack by its settings. Where a program has kragle as a package they stand in the program, which only Pulumi runs: there, what
 * has been made of them tells which they are, and nothing of their settings.
 *
 * @throws StageFailure, SettingsError where the stack is none of this project, or its settings cannot be read
 */
export async function knownStack(stack: string): Promise<KnownStack> {
  if (isOwnProject()) {
    const { project, values } = readStackSettings(stack);
    return { project, stack, images: imageSettings(values).images };
  }
  requireStackName(stack);
  const project = projectName();
  const roots = await Roots.of(homeFolder(), { project, stack }).list();
  const names = new Set([...roots.keys()].map(imageOfRoot));
  const images = [...names].map((name) => ({
    ...{ name, values: {}, own: name === null ? null : {} },
    placeOf: (place: string) => place,
  }));
  return { project, stack, images };
}

/**
 * What a stack has released, by the roots that it holds: for one that Pulumi alone has run, of which there is no record.
 *
 * @returns the outputs of each image, by its name
 */
export async function releasesByRoots(
  home: string,
  owner: StackIdentity,
): Promise<ReadonlyMap<string | null, ImageOutputs>> {
  const releases = await openStore(home).manifests(release.stage);
  const held = releasesIn(await new Roots(home, owner).list());
  return new Map(
    held.flatMap(([root, { key }]) => {
      const made = releases.find((one) => one.key === key);
      const { data } = release.result.safeParse(made?.result);
      return data ? [[imageOfRoot(root), imageOutputs(data, inProject)] as const] : [];
    }),
  );
}
