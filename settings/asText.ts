import { schema, type SettingName } from "./schema";

/** Parts of settings that are text to whoever wrote them, and may be written as numbers. */
const TEXTS = /^variables\.|\.variables\.|\.args\[/;

/**
 * Whether a number there is meant as text.
 *
 * @param place a setting's name, or that and the way to a part of it, as in `provision[2].variables.RELEASE`
 */
export function readsAsText(place: string, number: number): boolean {
  if (!Object.hasOwn(schema.shape, place)) return TEXTS.test(place);
  // a setting that is a number takes one, and has one then
  return typeof schema.shape[place as SettingName].safeParse(number).data !== "number";
}
