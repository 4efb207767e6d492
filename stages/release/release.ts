import { randomUUID } from "node:crypto";
import { mkdir, rename, rm } from "node:fs/promises";
import { dirname, join } from "node:path";

import { syncPath } from "../../host/files";
import { withIncoming } from "../../release/incoming";
import { stopIfInterrupted } from "../../host/interrupt";
import { inProject } from "../../host/project";
import { describeRelease } from "../../release/describe";
import { copyFiles } from "../../release/files";
import { NAMES } from "../../release/layout";
import { readPrevious } from "../../release/previous";
import { collectSources } from "../../release/sources";
import { runsOf } from "../../release/stageRuns";
import { release as contract } from "../../plan/stages/release";
import type { StageProgram } from "../../run/stage";
import { findContainers } from "./containers";

export { IMAGE_NAME } from "../../release/layout";

/**
 * Lays image, conversions, evidence and the release's description out under PATH/output. Everything is copied beside its final
 * place first (reflink where the file system can, else sparse) and compared, described and signed there; then each file moves
 * in by a rename, `manifest.json` last.
 */
export const release: StageProgram<typeof contract> = {
  contract,
  async run(context) {
    const { inputs, request, store, phase, signal } = context;
    const output = join(inProject(inputs.path), "output");
    const sources = await collectSources(context, store);
    const runs = runsOf(sources);
    const containers = await findContainers(context.executor, runs, request.baseImage);
    const place = { parent: output, owner: "", namedBy: 'the setting "path"' };
    return withIncoming(place, async (incoming) => {
      phase("copy the files");
      await copyFiles(sources.files, incoming, signal);
      phase("describe the release");
      const previous = await readPrevious(output);
      const { manifest, digests, unlisted } = await describeRelease(context, {
        ...{ sources, runs, previous, containers, folder: incoming, invocationId: randomUUID() },
      });
      // the last point at which an interrupt counts: from here on files are replaced, and half of two releases would be none
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
          path: join(inputs.path, "output", name),
          sha256: digests.get(name),
        })),
      };
    });
  },
};
