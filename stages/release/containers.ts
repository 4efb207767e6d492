import { findBuilderBase } from "../../executors/builderBase";
import { docker } from "../../executors/container";
import type { Containers } from "../../release/describe";
import type { Resource } from "../../release/provenance";

interface Inspected {
  readonly Id: string;
  readonly RootFS?: { readonly Layers?: readonly string[] };
}

/** Docker's ids of the image that ran the stages, and of the one that it is built on. */
export async function findContainers(toolsImage: string, baseImage: string): Promise<Containers> {
  const builder = await docker.getImage(toolsImage).inspect();
  const reference = await findBuilderBase({ reference: baseImage });
  const base = reference ? await docker.getImage(reference).inspect() : undefined;
  return {
    builderImageId: builder.Id,
    resources: [
      resource("builder image", toolsImage, builder.Id),
      ...baseResource(builder, reference ?? baseImage, base),
    ],
  };
}

/** The base image by its id; by its first layer where its tag has moved since the builder was built, or it is gone. */
export function baseResource(
  builder: Inspected,
  reference: string,
  base: Inspected | undefined,
): Resource[] {
  const [own, below] = [layersOf(builder), base ? layersOf(base) : []];
  if (base && below.length > 0 && below.every((layer, i) => own[i] === layer)) {
    return [resource("builder's base image", reference, base.Id)];
  }
  const [first] = own;
  return first ? [resource("first layer of the builder's base image", reference, first)] : [];
}

const layersOf = ({ RootFS }: Inspected) => RootFS?.Layers ?? [];

const resource = (name: string, reference: string, id: string): Resource => ({
  name,
  uri: `docker:${reference}`,
  digest: { sha256: id.replace(/^sha256:/, "") },
});
