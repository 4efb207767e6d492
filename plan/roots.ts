/** Names of the roots, and so of the resources, of stages that a stack may have several of; all others are called as their stage. */

/** @param name of the conversion, such as "raw" */
export const conversionRoot = (name: string) => `convert-${name}`;

/** @param name of the publication, such as "images-1c9f" */
export const publicationRoot = (name: string) => `publish-${name}`;

export const isPublicationRoot = (root: string) => root.startsWith(publicationRoot(""));

/**
 * The root of the image that a build has not finished: it keeps the points of that build for the next one, until an image is there. No
 * resource has this name.
 */
export const POINTS_ROOT = "points";
