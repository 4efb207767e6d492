import { candidates } from "../../executors/builderBase";
import type { Executor } from "../../executors/executor";
import type { ImageFacts } from "../../executors/images";
import { StageFailure } from "../../host/failure";
import type { Containers } from "../../release/describe";
import type { Resource } from "../../release/provenance";

/** Docker's ids of the image that ran the stages, and of the one that it is built on. */
export async function findContainers(
  { inspect }: Pick<Executor, "inspect">,
  toolsImage: string,
  baseImage: string,
): Promise<Containers> {
  const builder = await inspect(toolsImage);
  if (!builder) {
    throw new StageFailure(`Docker has no image ${toolsImage} any more`, {
      hint: "run the same command again, which builds it",
    });
  }
  return {
    builderImageId: builder.id,
    resources: [
      resource("builder image", toolsImage, builder.id),
      ...baseResource(builder, await findFirst(inspect, baseImage)),
    ],
  };
}

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
