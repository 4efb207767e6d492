/**
 * Names of the roots, and so of the resources: that of the stage, but for stages that an image may have several of. Where a stack has
 * several images, the name of the image stands before it, with a dot, which no image's name has.
 */

/** @param image what the stack calls it; null where it is the only one, by flat settings */
export const rootOf = (image: string | null, root: string): string =>
  image === null ? root : `${image}.${root}`;

/** @param name of the conversion, such as "raw" */
export const conversionRoot = (name: string) => `convert-${name}`;

/** @param name of the publication, such as "images-1c9f" */
export const publicationRoot = (name: string) => `publish-${name}`;

/** What the stack calls the image to which a root belongs; null for roots of a stack with one image, and of the builder. */
export const imageOfRoot = (root: string): string | null =>
  /^([a-z0-9-]+)\.(?:builder|base|image|check|smoke|release|points|convert-|publish-)/.exec(
    root,
  )?.[1] ?? null;

/**
 * The root of the image that a build has not finished: it keeps the points of that build for the next one, until an image is there. No
 * resource has this name.
 *
 * @param root any of the same image
 */
export const pointsRoot = (root: string): string => rootOf(imageOfRoot(root), "points");
