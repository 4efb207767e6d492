import { maskedSettings } from "./maskedSettings";
import { SETTING_NAMES } from "./schema";
import { isGiven } from "./warnings";

/** What a release tells of an image's settings. */
export interface ToldSettings {
  /** By name; secret ones masked. */
  readonly parameters: Readonly<Record<string, unknown>>;
  /** Names of those that are not as they are by default. */
  readonly changed: readonly string[];
}

/**
 * @param values by name
 * @param secretNames of those that are encrypted
 */
export const toldSettings = (
  values: Readonly<Record<string, unknown>>,
  secretNames: readonly string[],
): ToldSettings => ({
  parameters: maskedSettings(values, secretNames),
  changed: SETTING_NAMES.filter((one) => isGiven(one, { values, secretNames })),
});
