import { candidates } from "../../executors/builderBase";
import type { Executor } from "../../executors/executor";
import type { ImageFacts } from "../../executors/images";
import type { Containers } from "../../release/describe";
import type { Resource } from "../../release/provenance";
import type { StageRun } from "../../release/stageRuns";

/**
 * The Docker images in which the stages really ran, by what their runs noted: the store may have results from an earlier one than Docker
 * has now. Docker is only asked for the image that they are built on.
 */
export async function findContainers(
  { inspect }: Pick<Executor, "inspect">,
  runs: readonly StageRun[],
  baseImage: string,
): Promise<Containers> {
  const base = await findFirst(inspect, baseImage);
  const images = new Map(
    runs.flatMap(({ madeBy }) => madeBy?.containers ?? []).map((one) => [one.id, one]),
  );
  const resources = [...images.values()].flatMap((image) => {
    const stages = runs
      .filter(({ madeBy }) => madeBy?.containers.some(({ id }) => id === image.id))
      .map(({ root }) => root);
    return [
      { ...resource("builder image", image.reference, image.id), annotations: { stages } },
      ...baseResource(image, base),
    ];
  });
  const built = runs.find(({ root }) => root === "image")?.madeBy?.containers[0];
  return { builderImageId: built?.id ?? UNKNOWN, resources: distinct(resources) };
}

/** For an image that an earlier version of kragle made, which did not note it. */
const UNKNOWN = "unknown";

/** Several builders may have one base. */
const distinct = (resources: readonly Resource[]): Resource[] => [
  ...new Map(resources.map((one) => [JSON.stringify([one.name, one.digest]), one])).values(),
];

/** The base image, or what stands for it, as far as it is still there. */
async function findFirst(inspect: Executor["inspect"], baseImage: string): Promise<Named> {
  for (const reference of candidates(baseImage)) {
    const image = await inspect(reference);
    if (image) return { reference, image };
  }
  return { reference: baseImage, image: undefined };
}

interface Named {
  readonly reference: string;
  readonly image: ImageFacts | undefined;
}

/** The base image by its id; by its first layer where its tag has moved since the builder was built, or it is gone. */
export function baseResource(
  { layers: own }: ImageFacts,
  { reference, image: base }: Named,
): Resource[] {
  const below = base?.layers ?? [];
  if (base && below.length > 0 && below.every((layer, i) => own[i] === layer)) {
    return [resource("builder's base image", reference, base.id)];
  }
  const [first] = own;
  return first ? [resource("first layer of the builder's base image", reference, first)] : [];
}

const resource = (name: string, reference: string, id: string): Resource => ({
  name,
  uri: `docker:${reference}`,
  digest: { sha256: id.replace(/^sha256:/, "") },
});
