import type { ImageSettings } from "./images";
import type { ToRun } from "./platforms";
import { schema, type SettingName } from "./schema";

/**
 * What an image's platforms are judged by, where others of its settings are wrong: all of it is told at once.
 *
 * @returns undefined where one of these settings is wrong itself
 */
export function toRun({ name, values }: ImageSettings): ToRun | undefined {
  const read = <K extends SettingName>(setting: K) =>
    schema.shape[setting].safeParse(values[setting]).data as
      ReturnType<(typeof schema.shape)[K]["parse"]> | undefined;
  const [runsOn, formats, template] = [read("runsOn"), read("formats"), read("template")];
  const [diskBytes, from] = [read("diskSize"), read("from")];
  if (!runsOn || !formats || !template || diskBytes === undefined) return undefined;
  const on = from?.kind === "image" ? from.image : null;
  // the kernel of what it is made on is not known here
  const own = from === null || from?.kind === "disk";
  const [kernel = null, suite = null] = own ? [read("kernel"), read("suite")] : [];
  return { ...{ name, on, runsOn, formats, template, diskBytes }, kernel, suite };
}
