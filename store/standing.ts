import { imageOfRoot } from "../plan/roots";
import { image } from "../plan/stages/image";
import type { Root } from "./roots";

/**
 * Which images of a stack stand on which others, by what the stack has, whatever its settings say meanwhile.
 *
 * @param roots the stack's, by name
 * @returns by the name of each that stands on another; several where those are alike, since then nothing tells which it is
 */
export function standing(roots: ReadonlyMap<string, Root>): ReadonlyMap<string, string[]> {
  const images = [...roots].flatMap(([root, { stage, key, description }]) => {
    const name = imageOfRoot(root);
    if (stage !== image.stage || name === null) return [];
    return [{ name, key, below: description?.upstream.image }];
  });
  return new Map(
    images.flatMap(({ name, below }) => {
      const on = images.filter(({ key }) => key === below).map((one) => one.name);
      return on.length > 0 ? [[name, on] as const] : [];
    }),
  );
}
