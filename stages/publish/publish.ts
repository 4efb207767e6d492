import { writeFile } from "node:fs/promises";
import { dirname, join, relative } from "node:path";

import { shortIdentity } from "../../plan/identity";
import type { InputsOf, ResultOf } from "../../plan/stages/contract";
import { publish as contract } from "../../plan/stages/publish";
import { release } from "../../plan/stages/release";
import { artifactOf } from "../../store/typed";
import { allRoots } from "../../store/roots";
import type { ArtifactStore } from "../../store/artifactStore";
import type { FileRecord } from "../../store/manifest";
import { EXIT, StageFailure } from "../../host/failure";
import { sha256File } from "../../host/files";
import { inProject } from "../../host/project";
import { DESCRIPTION, NAMES, PUBLICATION } from "../../release/layout";
import type { Destination, PublishedFile } from "../../destinations/destination";
import { FolderDestination } from "../../destinations/folder";
import { LibvirtPool } from "../../destinations/libvirtPool";
import { expired, originOf, versionName } from "../../destinations/retention";
import type { StageProgram } from "../../run/stage";

/**
 * Copies a release to where others take it from, as a version of its own, and deletes old versions that no stack uses. Whatever files
 * are wanted, the release's description comes with them as it was signed, so that `verify` can judge a version by itself.
 */
export const publish: StageProgram<typeof contract> = {
  contract,
  async run({ inputs, upstream, request, store, owner, key, work, phase, detail, signal }) {
    const { series, keep } = request;
    const { manifest, result: facts } = await artifactOf(store, release, upstream.release);
    const released = filesOf(manifest.external, facts);
    const wanted = chosen(released, inputs.files);
    const destination = open(inputs.destination, signal);
    const { publishedAt: releasedAt } = manifest;
    const origin = originOf(store.id, shortIdentity(owner), series);
    const version = versionName({ series, releasedAt, key, origin });
    const files = released.filter(
      (file) =>
        (wanted.includes(file) || describes(file)) &&
        (destination.hasFolders || !file.name.includes("/")),
    );
    phase("copy the files");
    const paths = await destination.put(version, [...files, await listOf(files, version, work)]);
    phase("delete old versions");
    const usedKeys = [key, ...(await keysInUse(store))];
    const retention = { series, origin, keep, usedKeys };
    const deleted: string[] = [];
    for (const old of expired(await destination.list(), retention)) {
      const left = await destination.remove(old);
      if (left === undefined) deleted.push(old);
      detail(left === undefined ? `deleted ${old}` : `${old} was left: ${left}`);
    }
    const published = wanted.map(
      ({ name, sha256, bytes }) => [name, { path: paths[name]!, sha256, bytes }] as const,
    );
    return {
      result: { version, files: Object.fromEntries(published), deleted },
      // files in a folder are looked up again by later runs; those in a pool may be on another machine, and are not
      external: destination.hasFolders
        ? Object.values(paths).map((path) => ({ path, name: path }))
        : [],
    };
  },
};

const open = (to: InputsOf<typeof contract>["destination"], signal: AbortSignal): Destination =>
  "folder" in to
    ? new FolderDestination(inProject(to.folder), signal)
    : new LibvirtPool(to.uri, to.pool);

/** Released files by their names below PATH/output. */
function filesOf(
  records: readonly FileRecord[],
  { manifestPath }: ResultOf<typeof release>,
): PublishedFile[] {
  const folder = dirname(inProject(manifestPath));
  return records.map(({ path, sha256, bytes }) => {
    const from = inProject(path);
    return { name: relative(folder, from), from, sha256, bytes };
  });
}

/** Whether a file says something of the release, and is neither the image nor a conversion of it. */
const describes = ({ name }: PublishedFile) => name.includes("/") || DESCRIPTION.includes(name);

function chosen(files: readonly PublishedFile[], wanted: readonly string[]): PublishedFile[] {
  // evidence lies in folders; the other two describe PATH/output as a whole
  const byDefault = files.filter(
    ({ name }) => !name.includes("/") && name !== NAMES.sums && name !== NAMES.manifest,
  );
  if (wanted.length === 0) return byDefault;
  return wanted.map((name) => {
    const file = files.find((candidate) => candidate.name === name);
    if (file && !name.includes("/")) return file;
    const names = byDefault.map((candidate) => candidate.name);
    throw new StageFailure(`the release has no ${name}; it has ${names.join(", ")}`, {
      exitCode: EXIT.wrongSettings,
    });
  });
}

/** A list of the version's files, which tells `verify` what was not published from what somebody removed. */
async function listOf(
  files: readonly PublishedFile[],
  version: string,
  work: string,
): Promise<PublishedFile> {
  const from = join(work, PUBLICATION);
  const text = JSON.stringify({ version, files: files.map(({ name }) => name) }, null, 2) + "\n";
  await writeFile(from, text);
  return {
    name: PUBLICATION,
    from,
    sha256: await sha256File(from),
    bytes: Buffer.byteLength(text),
  };
}

/** Keys of the publications that any stack of this store uses; the one that this run replaces is still among them. */
async function keysInUse(store: ArtifactStore): Promise<string[]> {
  const all = (await allRoots(store.home)).flatMap(({ roots }) => [...roots.values()]);
  return all.filter(({ stage }) => stage === contract.stage).map(({ key }) => key);
}
