import { z } from "zod";

/** What may stand in os-release(5) as IMAGE_ID or IMAGE_VERSION; one that begins with "." or "-" would be a hidden file, or an option. */
export const IDENTIFIER = /^[a-z0-9_][a-z0-9._-]{0,63}$/;

const identifier = z.string().regex(IDENTIFIER);

/** By what a machine that was made from an image leads back to its release: the image's os-release(5), manifest and report have the same. */
export const imageIdentity = z.strictObject({
  imageId: identifier,
  imageVersion: identifier,
  /** Unique: no two images have the same. */
  buildId: identifier,
});

export type ImageIdentity = Readonly<z.infer<typeof imageIdentity>>;

/** The fields' names in os-release(5). */
export const OS_RELEASE: Readonly<Record<keyof ImageIdentity, string>> = {
  imageId: "IMAGE_ID",
  imageVersion: "IMAGE_VERSION",
  buildId: "BUILD_ID",
};

/** What an image is called whose settings give no `imageId`: as its stack, in os-release's letters. */
export const imageIdOf = (stack: string): string =>
  stack
    .toLowerCase()
    .replace(/^[.-]+/, "")
    .slice(0, 64) || "image";

/**
 * The identity of an image that is built now.
 *
 * @param version the setting; null for the time, such as "20261129.083105", which is UTC and sorts as versions do
 * @param key of the image stage; the first digits of it stand in the build's id and name the stage's result in the store
 */
export function identityOf(
  { imageId, version }: { readonly imageId: string; readonly version: string | null },
  key: string,
  now: Date,
): ImageIdentity {
  const [day, time] = now.toISOString().slice(0, 19).replace(/[-:]/g, "").split("T");
  const moment = `${day}.${time}`;
  return { imageId, imageVersion: version ?? moment, buildId: `${moment}.${key.slice(0, 12)}` };
}
