import { statSync } from "node:fs";

/**
 * The labels of a store's containers. The id alone does not tell a store: containers that share this daemon, each with its own copy of
 * one home at one path, as a CI system's cache gives it to them, have the same one. The folder itself tells them apart.
 *
 * @param home the `.kragle` folder
 */
export function storeLabels(home: string, storeId: string): Record<string, string> {
  const { dev, ino } = statSync(home);
  return { "kragle.store": storeId, "kragle.home": `${dev}:${ino}` };
}

/** The labels of what runs for one key of a store, as a filter. */
export const keyFilter = (home: string, storeId: string, key: string): string[] =>
  Object.entries({ ...storeLabels(home, storeId), "kragle.key": key }).map(
    ([name, value]) => `${name}=${value}`,
  );
