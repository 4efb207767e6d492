import { imageOfRoot } from "../plan/roots";
import { image } from "../plan/stages/image";
import type { Root } from "./roots";

/**
 * Which images of a stack stand on which others, by what the stack has, whatever its settings say meanwhile.
 *
 * @param roots the stack's, by name
 * @param meant which one an image is made on by its settings: of several that are alike nothing else tells
 * @returns by the name of each that stands on another; several where those are alike, and none of them is meant
 */
export function standing(
  roots: ReadonlyMap<string, Root>,
  meant: (name: string) => string | undefined,
): ReadonlyMap<string, readonly string[]> {
  const images = [...roots].flatMap(([root, { stage, key, description }]) => {
    const name = imageOfRoot(root);
    if (stage !== image.stage || name === null) return [];
    return [{ name, key, below: description?.upstream.image }];
  });
  return new Map(
    images.flatMap(({ name, below }) => {
      const on = images.filter(({ key }) => key === below).map((one) => one.name);
      const one = on.find((other) => other === meant(name));
      return on.length > 0 ? [[name, one === undefined ? on : [one]] as const] : [];
    }),
  );
}
