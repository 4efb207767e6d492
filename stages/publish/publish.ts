import type { InputsOf, ResultOf } from "../../plan/stages/contract";
import { publish as contract } from "../../plan/stages/publish";
import { release } from "../../plan/stages/release";
import { artifactOf } from "../../store/typed";
import { Roots } from "../../store/roots";
import type { ArtifactStore } from "../../store/artifactStore";
import { EXIT, StageFailure } from "../../host/failure";
import { inProject } from "../../host/project";
import type { Destination, PublishedFile } from "../../destinations/destination";
import { FolderDestination } from "../../destinations/folder";
import { LibvirtPool } from "../../destinations/libvirtPool";
import { expired, versionName } from "../../destinations/retention";
import type { StageProgram } from "../../run/stage";

/** Copies a release to where others take it from, as a version of its own, and deletes old versions that no stack uses. */
export const publish: StageProgram<typeof contract> = {
  contract,
  async run({ inputs, upstream, request, store, key, phase, detail, signal }) {
    const { series, keep } = request;
    const { manifest, result: facts } = await artifactOf(store, release, upstream.release);
    const files = chosen(manifest.external, facts, inputs.files);
    const destination = open(inputs.destination, signal);
    const { publishedAt: releasedAt } = manifest;
    const version = versionName({ series, releasedAt, key, storeId: store.id });
    phase("copy the files");
    const paths = await destination.put(version, files);
    phase("delete old versions");
    const usedKeys = [key, ...(await keysInUse(store))];
    const retention = { series, storeId: store.id, keep, usedKeys };
    const deleted = expired(await destination.list(), retention);
    for (const old of deleted) {
      await destination.remove(old);
      detail(`deleted ${old}`);
    }
    const published = files.map(
      ({ name, sha256, bytes }) => [name, { path: paths[name]!, sha256, bytes }] as const,
    );
    return {
      result: { version, files: Object.fromEntries(published), deleted },
      // files in a folder are looked up again by later runs; those in a pool may be on another machine, and are not
      external:
        "folder" in inputs.destination
          ? Object.values(paths).map((path) => ({ path, name: path }))
          : [],
    };
  },
};

const open = (to: InputsOf<typeof contract>["destination"], signal: AbortSignal): Destination =>
  "folder" in to
    ? new FolderDestination(inProject(to.folder), signal)
    : new LibvirtPool(to.uri, to.pool);

interface ReleaseRecord {
  readonly path: string;
  readonly sha256: string;
  readonly bytes: number;
}

/** Released files by their names below PATH/output. */
function chosen(
  records: readonly ReleaseRecord[],
  { manifestPath }: ResultOf<typeof release>,
  wanted: readonly string[],
): PublishedFile[] {
  const folder = inProject(manifestPath).replace(/[^/]*$/, "");
  const files = records.map(({ path, sha256, bytes }) => {
    const from = inProject(path);
    return { name: from.slice(folder.length), from, sha256, bytes };
  });
  // evidence lies in folders; the other two describe PATH/output as a whole
  const byDefault = ({ name }: PublishedFile) =>
    !name.includes("/") && !["SHA256SUMS", "manifest.json"].includes(name);
  if (wanted.length === 0) return files.filter(byDefault);
  return wanted.map((name) => {
    const file = files.find((candidate) => candidate.name === name);
    if (file && !name.includes("/")) return file;
    const names = files.filter(byDefault).map((candidate) => candidate.name);
    throw new StageFailure(`the release has no ${name}; it has ${names.join(", ")}`, {
      exitCode: EXIT.wrongSettings,
    });
  });
}

/** Keys of the publications that any stack of this store uses; the one that this run replaces is still among them. */
async function keysInUse(store: ArtifactStore): Promise<string[]> {
  const roots = new Roots(store.home);
  const lists = await Promise.all((await roots.stacks()).map((stack) => roots.list(stack)));
  return lists.flatMap((list) =>
    [...list.values()].filter(({ stage }) => stage === contract.stage).map(({ key }) => key),
  );
}
