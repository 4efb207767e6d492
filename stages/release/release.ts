import { randomUUID } from "node:crypto";
import { rename } from "node:fs/promises";
import { join } from "node:path";

import { syncPath } from "../../host/files";
import type { HeldFolder } from "../../host/heldFolder";
import { withIncoming } from "../../release/incoming";
import { stopIfInterrupted } from "../../host/interrupt";
import { describeRelease } from "../../release/describe";
import { copyFiles } from "../../release/files";
import { DESCRIPTION, NAMES } from "../../release/layout";
import { claimFolder, outputFolder, requireFreeNames } from "../../release/owner";
import { type PreviousRelease, readPrevious } from "../../release/previous";
import { collectSources } from "../../release/sources";
import { runsOf } from "../../release/stageRuns";
import { shortIdentity } from "../../plan/identity";
import { release as contract } from "../../plan/stages/release";
import type { StageProgram } from "../../run/stage";
import type { ArtifactStore } from "../../store/artifactStore";
import { findContainers } from "./containers";

/**
 * Lays image, conversions, evidence and the release's description out under PATH/output. Everything is copied beside its final
 * place first (reflink where the file system can, else sparse) and compared, described and signed there; then each file moves
 * in by a rename, `manifest.json` last.
 */
export const release: StageProgram<typeof contract> = {
  contract,
  async run(context) {
    const { inputs, request, store, owner, phase, detail, signal } = context;
    const output = outputFolder(inputs.path);
    const sources = await collectSources(context, store);
    const runs = runsOf(sources);
    const containers = await findContainers(context.executor, runs, request.baseImage);
    let moved = false;
    const place = {
      ...{ parent: output, owner: "", namedBy: 'the setting "path"' },
      claim: async (folder: HeldFolder) => {
        const onWait = () => detail("waiting: another run of this stack releases there");
        const expected = [...sources.files.map(({ name }) => name), ...DESCRIPTION];
        const letNextIn = await claimFolder(folder, output, owner, expected, { signal, onWait });
        return () => letNextIn(moved);
      },
    };
    return withIncoming(place, async ({ folder: incoming, parent: held }) => {
      const previous = {
        ...(await readPrevious(held.path())),
        stackReleasedAt: await lastReleaseOf(store, shortIdentity(owner)),
      };
      if (previous.releasedAt !== undefined) {
        await requireFreeNames(held, previous.files, sources.files);
      }
      phase("copy the files");
      await copyFiles(sources.files, incoming.path(), signal);
      phase("describe the release");
      const { manifest, digests, unlisted } = await describeRelease(context, {
        ...{ sources, runs, previous, containers, folder: incoming.path() },
        owner: shortIdentity(owner),
        invocationId: randomUUID(),
      });
      // the last point at which an interrupt counts: from here on files are replaced, and half of two releases would be none
      stopIfInterrupted(signal);
      phase("move everything into place");
      const others = [...digests.keys(), ...unlisted].filter((name) => name !== NAMES.manifest);
      const names = [...others, NAMES.manifest];
      // a link in place of a folder, or what no file can replace, is refused while everything is still as it was
      for (const name of names) {
        await held.within(name, true, (folder, base) => folder.requireReplaceable(base));
      }
      moved = true;
      for (const name of names) {
        await syncPath(incoming.path(name));
        await held.within(name, true, (folder, base) =>
          rename(incoming.path(name), folder.path(base)),
        );
      }
      await held.sync();
      const stale = (await isOurs(store, previous)) ? previous.files : [];
      await removeStale(
        held,
        stale.filter((name) => !names.includes(name)),
        detail,
      );
      return {
        result: manifest,
        external: names.map((name) => ({
          path: join(inputs.path, "output", name),
          sha256: digests.get(name),
        })),
      };
    });
  },
};

/** When a stack released last, whatever its path was then; undefined where the store knows of none. */
async function lastReleaseOf(store: ArtifactStore, owner: string): Promise<string | undefined> {
  const releases = await store.manifests(contract.stage);
  const its = releases.filter(({ madeBy }) => madeBy?.owner === owner);
  return its
    .map(({ publishedAt }) => publishedAt)
    .sort()
    .at(-1);
}

/** Whether the folder's manifest is one that kragle wrote: others may be able to write there, and it says what is deleted. */
async function isOurs(store: ArtifactStore, { manifestSha256 }: PreviousRelease): Promise<boolean> {
  const releases = await store.manifests(contract.stage);
  return releases.some(({ external }) => external.some(({ sha256 }) => sha256 === manifestSha256));
}

/** Deletes what the release before had more: its files, and nothing that stands in their place. */
async function removeStale(
  held: HeldFolder,
  names: readonly string[],
  detail: (line: string) => void,
): Promise<void> {
  for (const name of names) {
    const left = await held.removeFile(name);
    if (left) detail(`${name} was left: it ${left}`);
  }
}
