import { z } from "zod";

import { publicationName, type PublicationSpec } from "../plan/publication";
import { listOf, onlyOptions, path, quote, structured, text, wholeNumber } from "./values";

const DEFAULT_LIBVIRT_URI = "qemu:///system";

/** See https://libvirt.org/uri.html; a password has no place in it, since it stands in the state and in process lists. */
const LIBVIRT_URI = /^qemu(\+[a-z0-9]+)?:\/\/([^\s/@:]+@)?[^\s/@]*\/(system|session)(\?\S*)?$/;

export const libvirtUri = text(DEFAULT_LIBVIRT_URI).refine((uri) => LIBVIRT_URI.test(uri), {
  error: ({ input }) =>
    `${quote(input)} is not the URI of a QEMU driver; write it as in qemu:///system or qemu+ssh://root@host/system`,
});

/** A kind of place that takes copies: its own options, and those of every place. */
function place<T extends z.ZodRawShape>(shape: T) {
  const all = {
    ...shape,
    keep: wholeNumber(1, 1000)
      .default(3)
      .describe("How many versions stay at least; one that a stack uses stays in any case"),
    files: z
      .array(text("kragle.raw"), listOf("released files"))
      .default([])
      .describe("Names of released files, such as `kragle.raw`; all of them where none is named"),
  };
  return z.strictObject(all, onlyOptions(all, "this place"));
}

const publication = z
  .union(
    [
      place({
        folder: path("/srv/images").describe("A folder, relative to the project or absolute"),
      }),
      place({
        pool: text("images")
          .min(1, "must name a storage pool")
          .describe("Or the name of a libvirt storage pool"),
        uri: libvirtUri
          .optional()
          .describe(`That pool's daemon; \`${DEFAULT_LIBVIRT_URI}\` where none is given`),
      }),
    ],
    {
      error: ({ input }) =>
        `${quote(input)} is not a place; write {folder: PATH} or {pool: NAME, uri: ${DEFAULT_LIBVIRT_URI}}, with keep (a whole number, 3) and files (released files, all of them)`,
    },
  )
  .transform(({ keep, files, ...to }): PublicationSpec => {
    const destination = "folder" in to ? to : { pool: to.pool, uri: to.uri ?? DEFAULT_LIBVIRT_URI };
    return { name: publicationName(destination), destination, files, keep };
  });

export const publish = structured(
  z.array(publication, listOf("places")).superRefine((places, context) => {
    places.forEach(({ name }, index) => {
      if (places.findIndex((other) => other.name === name) === index) return;
      context.addIssue({
        code: "custom",
        path: [index],
        message: "this place stands in the list twice",
      });
    });
  }),
);
