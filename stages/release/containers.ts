import { findBaseImage } from "../baseImage";
import { docker } from "../container";
import type { Resource } from "./provenance";

const RELEASE_OF_BASE = "bookworm";

/** Docker's ids of the image that ran the stages, and of the one that it is built on where the daemon still has that. */
export async function findContainers(
  toolsImage: string,
  baseImage: string,
): Promise<{ builderImageId: string; resources: Resource[] }> {
  const builder = await docker.getImage(toolsImage).inspect();
  const resources = [resource("builder image", toolsImage, builder.Id)];
  const reference = await findBaseImage({ reference: baseImage, release: RELEASE_OF_BASE });
  if (reference) {
    const base = await docker.getImage(reference).inspect();
    const [own, below] = [layersOf(builder), layersOf(base)];
    // a tag may have moved since the builder was built
    if (below.length > 0 && below.every((layer, i) => own[i] === layer)) {
      resources.push(resource("builder's base image", reference, base.Id));
    }
  }
  return { builderImageId: builder.Id, resources };
}

const layersOf = ({ RootFS }: { RootFS?: { Layers?: string[] } }) => RootFS?.Layers ?? [];

const resource = (name: string, reference: string, id: string): Resource => ({
  name,
  uri: `docker:${reference}`,
  digest: { sha256: id.replace(/^sha256:/, "") },
});
