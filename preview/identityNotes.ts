import type { ImageSpec } from "../plan/imageSpec";
import { image } from "../plan/stages/image";
import type { Manifest } from "../store/manifest";

/** What an image that is kept calls itself otherwise than its settings, which build no other for a name: a sentence each. */
export function identityNotes(
  { imageId, version }: Pick<ImageSpec, "imageId" | "version">,
  manifest: Pick<Manifest, "result"> | undefined,
): string[] {
  const { success, data } = image.result
    .pick({ identity: true })
    .loose()
    .safeParse(manifest?.result);
  if (!success) return [];
  const { identity } = data;
  const settings = [
    ["imageId", imageId, identity.imageId],
    ["version", version, identity.imageVersion],
  ] as const;
  return settings.flatMap(([name, wanted, has]) =>
    wanted === null || wanted === has
      ? []
      : [
          `${name}: the image stays ${has}, since a name alone builds none; the next one that is built is ${wanted} (at once: up --rebuild image)`,
        ],
  );
}
