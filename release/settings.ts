import { z } from "zod";

import { NAMES } from "./layout";
import { ReleaseFolder } from "./verify/folder";

const provenance = z.object({
  predicate: z.object({
    buildDefinition: z.object({
      externalParameters: z.object({ settings: z.record(z.string(), z.unknown()) }),
    }),
  }),
});

/** The settings of a release that somebody chose, by its provenance; undefined where that cannot be read. */
export async function releasedSettings(
  folder: string,
): Promise<Readonly<Record<string, unknown>> | undefined> {
  const read = new ReleaseFolder(folder).json(NAMES.provenance, provenance);
  const found = await read.catch(() => undefined);
  return found?.predicate.buildDefinition.externalParameters.settings;
}
