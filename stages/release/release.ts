import { randomUUID } from "node:crypto";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

import { z } from "zod";

import type { StageDescription } from "../../plan/description";
import { syncPath } from "../../host/files";
import { withIncoming } from "../../release/incoming";
import { stopIfInterrupted } from "../../host/interrupt";
import { inProject } from "../../host/project";
import { describeRelease } from "../../release/describe";
import { copyFiles } from "../../release/files";
import { NAMES } from "../../release/layout";
import { readPrevious } from "../../release/previous";
import { collectSources } from "../../release/sources";
import type { StageProgram } from "../../run/stage";

export { IMAGE_NAME } from "../../release/layout";

const settings = z.object({
  stack: z.string(),
  toolsImage: z.string(),
  path: z.string(),
  image: z.object({ key: z.string(), sha256: z.string() }),
  virtualBytes: z.number().int(),
  checkKey: z.string(),
  conversions: z.array(
    z.object({ name: z.string(), format: z.string(), key: z.string(), fileName: z.string() }),
  ),
  smokeKey: z.string().nullable(),
  signKey: z.string().nullable(),
  /** Fingerprint of that key when the release was planned. */
  signer: z.string().nullable(),
  /** Every setting of the stack by name; secret ones masked. */
  parameters: z.record(z.string(), z.unknown()),
  /** The Docker image that the builder is built on. */
  baseImage: z.string(),
  builder: z.custom<StageDescription>((value) => typeof value === "object" && value !== null),
});

export type ReleaseSettings = z.infer<typeof settings>;

/**
 * Lays image, conversions, evidence and the release's description out under PATH/output. Everything is copied beside its final
 * place first (reflink where the file system can, else sparse) and compared, described and signed there; then each file moves
 * in by a rename, `manifest.json` last.
 */
export const release: StageProgram<ReleaseSettings> = {
  name: "release",
  settings,
  async run(context) {
    const { settings, phase, signal } = context;
    const output = join(inProject(settings.path), "output");
    const sources = await collectSources(context);
    const place = { parent: output, owner: "", namedBy: 'the setting "path"' };
    return withIncoming(place, async (incoming) => {
      phase("copy the files");
      await copyFiles(sources.files, incoming, signal);
      phase("describe the release");
      const previous = await readPrevious(output);
      const { manifest, digests, unlisted } = await describeRelease(context, {
        ...{ sources, previous, folder: incoming, invocationId: randomUUID() },
      });
      // from here on it is finished, whatever happens: half of a release and half of the one before would be neither
      stopIfInterrupted(signal);
      phase("move everything into place");
      const names = [...digests.keys(), ...unlisted].filter((name) => name !== NAMES.manifest);
      for (const name of [...names, NAMES.manifest]) {
        await syncPath(join(incoming, name));
        await mkdir(dirname(join(output, name)), { recursive: true });
        await rename(join(incoming, name), join(output, name));
      }
      await syncPath(output);
      for (const stale of previous.files) {
        if (!digests.has(stale) && !unlisted.includes(stale)) {
          await rm(join(output, stale), { force: true });
        }
      }
      return {
        result: manifest,
        external: [...names, NAMES.manifest].map((name) => ({
          path: join(settings.path, "output", name),
          sha256: digests.get(name),
        })),
      };
    });
  },
};
