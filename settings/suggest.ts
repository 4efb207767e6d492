import { closestMatch } from "leven";

/**
 * The name that was probably meant: one of the same letters in another order, else one that begins like this, else one in
 * which about one letter in three is another.
 * Capitals count for nothing.
 *
 * @returns undefined where none is near
 */
export function suggest(name: string, names: readonly string[]): string | undefined {
  const typed = name.toLowerCase();
  const lower = names.map((other) => other.toLowerCase());
  const turned = lower.find((other) => letters(other) === letters(typed));
  const longer = typed.length > 2 ? lower.find((other) => other.startsWith(typed)) : undefined;
  const maxDistance = Math.max(1, Math.floor(typed.length / 3));
  const match = turned ?? longer ?? closestMatch(typed, lower, { maxDistance });
  return match === undefined ? undefined : names[lower.indexOf(match)];
}

const letters = (word: string) => [...word].sort().join("");
