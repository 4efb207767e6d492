import { maskedSettings } from "./maskedSettings";
import type { ToldSettings } from "./requests";
import { SETTING_NAMES } from "./settings/schema";
import { isGiven } from "./settings/warnings";

/**
 * What a release tells of an image's settings.
 *
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
