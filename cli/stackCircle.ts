import { releaseName } from "../plan/imageSpec";
import { type ImageSettings, imageBelow, stackBelow } from "../settings/images";

/** An image, by its stack and its name there. */
interface Place {
  readonly stack: string;
  readonly image: string | null;
}

/**
 * Finds images that stand on themselves by the releases of other stacks: each release of one would be the reason to build the next, for ever.
 * Goes by what the settings of all these stacks say now.
 *
 * @param images the stack's own, as its settings have them
 * @param read the images of another stack; none where its settings cannot be read
 * @returns what is wrong, by the place of the setting
 */
export function stackCircles(
  stack: string,
  images: readonly ImageSettings[],
  read: (stack: string) => readonly ImageSettings[],
): [place: string, problem: string][] {
  const known = new Map([[stack, images]]);
  const imagesOf = (name: string) => {
    const found = known.get(name) ?? read(name);
    known.set(name, found);
    return found;
  };
  const find = ({ stack, image }: Place) => {
    const all = imagesOf(stack);
    return image === null && all.length === 1 ? all[0] : all.find(({ name }) => name === image);
  };
  const below = ({ stack }: Place, one: ImageSettings): Place | undefined => {
    const image = imageBelow(one);
    return image === undefined ? stackBelow(one) : { stack, image };
  };

  return images.flatMap((image): [string, string][] => {
    const path: Place[] = [];
    let next: Place | undefined = { stack, image: image.name };
    while (next) {
      const settings = find(next);
      if (!settings) return [];
      const here: Place = { stack: next.stack, image: settings.name };
      const met = path.findIndex((one) => one.stack === here.stack && one.image === here.image);
      const circle = met < 0 ? [] : [...path.slice(met), here];
      path.push(here);
      // one within a stack is told by madeOn.ts
      if (circle.some((one) => one.stack !== here.stack)) {
        const names = circle.map(releaseName).join(" on ");
        return [
          [
            image.placeOf("from"),
            `${names} is a circle; one of them has to begin with something else`,
          ],
        ];
      }
      next = met < 0 ? below(here, settings) : undefined;
    }
    return [];
  });
}
