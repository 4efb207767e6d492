import { z } from "zod";

/** Variables without which an image cannot come of it: its disk, where the result and the list of packages go, and the way in. */
const NEEDED = ["base", "output", "package_list", "private_key"];

const packerPart = z.object({
  variables: z.record(z.string(), z.unknown()).default({}),
  builders: z.tuple([z.object({ type: z.literal("qemu"), name: z.string() })]),
});

/**
 * What keeps an image.json from making an image, as far as that can be told without Packer, which judges the rest: one line each.
 *
 * @param content the file's JSON
 */
export function packerPartProblems(content: unknown): string[] {
  const read = packerPart.safeParse(content);
  if (!read.success) {
    return ['needs one builder, with "type": "qemu" and a "name", and an object of variables'];
  }
  const lacking = NEEDED.filter((name) => !(name in read.data.variables));
  return lacking.length === 0 ? [] : [`its variables lack ${lacking.join(", ")}`];
}
