import { realpath } from "node:fs/promises";
import { join, resolve } from "node:path";

import type { OwnFiles } from "../disk/fileRefusals";
import { listFiles } from "../host/files";
import { projectFolder, stackNames } from "../host/project";
import { openStore } from "../store/open";
import { identityOf } from "../store/identity";
import type { RootsOwner } from "../store/rootFolder";
import { allRoots } from "../store/roots";
import { readStackRecord, releasesOf } from "../store/stackRecord";
import { projectName } from "./stackSettings";

/** Folders of `.kragle` in which large files lie. */
const PLACES = ["store", "work", "failed", "iso"];

/** Kragle's own files: those of its store, and what stages have laid down outside of it, in PATH/output and where releases are published. */
export async function ownFiles(home: string): Promise<OwnFiles> {
  const store = openStore(home);
  const manifests = await Promise.all(
    ["release", "publish"].map((stage) => store.manifests(stage)),
  );
  const laidDown = manifests.flat().flatMap(({ external }) => external);
  const stored = await Promise.all(
    PLACES.map(async (place) => {
      const folder = join(home, place);
      const names = await listFiles(folder).catch(() => []);
      return names.map((name) => join(folder, name));
    }),
  );
  const project = projectName();
  const here = stackNames().map((stack) => ({
    ...identityOf(home, { project, stack }),
    path: projectFolder,
  }));
  const held = (await allRoots(home)).flatMap(({ owner }) => (owner ? [owner] : []));
  const owners = [...here, ...held];
  const released = await Promise.all(owners.map((owner) => releasedFiles(home, owner)));
  // a home may be several clones', from whose folders relative paths lead
  const folders = new Set([projectFolder, ...owners.map(({ path }) => path)]);
  return {
    home: await realpath(home).catch(() => home),
    files: [
      ...stored.flat(),
      ...laidDown.flatMap(({ path }) => [...folders].map((folder) => resolve(folder, path))),
      ...released.flat(),
    ],
  };
}

/** Files that a stack's outputs name, which stay when its results are gone from the store. */
async function releasedFiles(home: string, owner: RootsOwner): Promise<string[]> {
  const record = await readStackRecord(home, owner, owner.path).catch(() => undefined);
  return [...releasesOf(record).values()].flatMap((outputs) => {
    const { imagePath, manifestPath, reportPath, conversions = {} } = outputs;
    const converted = Object.values(conversions as Record<string, { readonly path?: unknown }>);
    return [imagePath, manifestPath, reportPath, ...converted.map(({ path }) => path)].filter(
      (path) => typeof path === "string",
    );
  });
}
