import * as pulumi from "@pulumi/pulumi";

import { readsAsText } from "../settings/asText";
import { SETTING_NAMES } from "../settings/schema";
import { isGiven } from "../settings/warnings";
import type { GoldenImageArgs } from "./goldenImageArgs";

/**
 * The settings of one of this program's images as the arguments of its component, as far as they are others than the defaults: by them
 * policies judge it.
 *
 * @param values by name; structured ones as text, as Pulumi hands them over
 * @param secretNames of those that are encrypted
 */
export function ownArguments(
  values: Readonly<Record<string, unknown>>,
  secretNames: readonly string[],
): GoldenImageArgs {
  const given = SETTING_NAMES.filter((name) => isGiven(name, { values, secretNames }));
  return Object.fromEntries(
    given.map((name) => {
      const value = written(name, values[name]);
      return [name, secretNames.includes(name) ? pulumi.secret(value) : value];
    }),
  );
}

function written(name: string, value: unknown): unknown {
  if (typeof value !== "string") return value;
  try {
    const parsed = JSON.parse(value) as unknown;
    return typeof parsed === "number" && readsAsText(name, parsed) ? value : parsed;
  } catch {
    return value;
  }
}
