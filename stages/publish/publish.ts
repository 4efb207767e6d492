import { z } from "zod";

import { Roots } from "../../store/roots";
import type { ArtifactStore } from "../../store/artifactStore";
import { EXIT, StageFailure } from "../../host/failure";
import { inProject } from "../../host/project";
import type { Destination, PublishedFile } from "../../destinations/destination";
import { FolderDestination } from "../../destinations/folder";
import { LibvirtPool } from "../../destinations/libvirtPool";
import { expired, versionName } from "../../destinations/retention";
import type { StageProgram } from "../../run/stage";

const settings = z.object({
  /** Whose versions belong together, such as "dev-nightly". */
  series: z.string().regex(/^[A-Za-z0-9_-]+$/),
  releaseKey: z.string(),
  /** Names of released files; empty for the image and every conversion of it. */
  files: z.array(z.string()),
  destination: z.union([
    z.object({ folder: z.string() }),
    z.object({ pool: z.string(), uri: z.string() }),
  ]),
  /** How many versions stay at least. */
  keep: z.number().int().min(1),
});

type Settings = z.infer<typeof settings>;

/** Copies a release to where others take it from, as a version of its own, and deletes old versions that no stack uses. */
export const publish: StageProgram<Settings> = {
  name: "publish",
  settings,
  async run({ settings, store, key, phase, detail, signal }) {
    const { series, keep } = settings;
    const release = await store.artifact("release", settings.releaseKey);
    const files = chosen(release.manifest.external, release.manifest.result, settings.files);
    const destination = open(settings.destination, signal);
    const { publishedAt: releasedAt } = release.manifest;
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
    const published = files.map(({ name, sha256, bytes }) => [
      name,
      { path: paths[name], sha256, bytes },
    ]);
    return {
      result: { version, files: Object.fromEntries(published), deleted },
      // what lies in a pool may be on another machine, and is believed
      external:
        "folder" in settings.destination
          ? Object.values(paths).map((path) => ({ path, name: path }))
          : [],
    };
  },
};

const open = (to: Settings["destination"], signal: AbortSignal): Destination =>
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
  facts: Readonly<Record<string, unknown>>,
  wanted: readonly string[],
): PublishedFile[] {
  const folder = inProject(String(facts.manifestPath)).replace(/[^/]*$/, "");
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
    [...list.values()].filter(({ stage }) => stage === publish.name).map(({ key }) => key),
  );
}
