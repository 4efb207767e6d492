import { rename, stat } from "node:fs/promises";
import { basename, dirname, join } from "node:path";

import { projectFolder } from "../host/project";
import type { StackIdentity, StackName } from "../plan/identity";
import { release } from "../plan/stages/release";
import { identityOf } from "./identity";
import { fileName, nameOf, stackFileName } from "./names";
import { entriesOf, ignore, type Root, RootFolder, type RootsOwner } from "./rootFolder";
import { ownsUnowned, renameStackRecord } from "./stackRecord";

export type { Root } from "./rootFolder";

/** `.kragle/roots/<stack>.<whose>/`: what one stack uses. */
export class Roots {
  private readonly folder: RootFolder;

  constructor(
    private readonly home: string,
    readonly owner: StackIdentity,
  ) {
    this.folder = new RootFolder(join(home, "roots", stackFileName(owner)));
  }

  /** Those of a stack of this clone, on the backend that is in use. */
  static of(home: string, name: StackName): Roots {
    return new Roots(home, identityOf(home, name));
  }

  async set(name: string, root: Root): Promise<void> {
    await this.takeOver();
    await this.folder.setOwner({ path: projectFolder, ...this.owner });
    await this.folder.set(name, root);
  }

  async drop(name: string): Promise<void> {
    await this.takeOver();
    await this.folder.drop(name);
    const roots = await this.folder.list();
    const lost = await this.folder.lost(roots);
    if (roots.size + lost.length === 0) await this.folder.dropAll();
  }

  async dropAll(): Promise<void> {
    await this.takeOver();
    await this.folder.dropAll();
  }

  /** The roots that can be read. */
  async list(): Promise<ReadonlyMap<string, Root>> {
    return ((await this.inherited()) ?? this.folder).list();
  }

  /** Tells one time at which a root is missing from the next: by when the last folder changed that would lead to it. */
  async absence(): Promise<string> {
    for (let at = this.folder.path; ; at = dirname(at)) {
      const facts = await stat(at, { bigint: true }).catch(() => undefined);
      if (facts) return String(facts.mtimeNs);
    }
  }

  /**
   * The folder that this stack takes over, while it has none of its own: what an earlier version of kragle noted, which did not tell
   * whose it is, or what the clone noted that lay at this very place before.
   */
  private async inherited(): Promise<RootFolder | undefined> {
    if (await stat(this.folder.path).catch(() => undefined)) return undefined;
    const { backend, project, stack } = this.owner;
    const isOurs = ({ folder, owner }: HeldRoots) =>
      owner
        ? owner.path === projectFolder &&
          owner.backend === backend &&
          owner.project === project &&
          owner.stack === stack
        : folder === fileName(stack);
    const found = (await allRoots(this.home)).find(isOurs);
    if (!found || (!found.owner && !(await ownsUnowned(this.home, stack)))) return undefined;
    return new RootFolder(join(this.home, "roots", found.folder));
  }

  /** Once, by a rename: it must not keep what the stack no longer uses. */
  private async takeOver(): Promise<void> {
    const folder = await this.inherited();
    if (!folder) return;
    await rename(folder.path, this.folder.path).catch((error: NodeJS.ErrnoException) => {
      // another stage of this run was quicker
      if (error.code !== "ENOENT" && error.code !== "ENOTEMPTY") throw error;
    });
    const [from, to] = [folder, this.folder].map(({ path }) => basename(path));
    await renameStackRecord(this.home, from!, to!);
  }
}

/** A stack's roots as whoever looks at all of them sees them. */
export interface HeldRoots {
  /** Below `.kragle/roots/`. */
  readonly folder: string;
  readonly stack: string;
  /** Undefined for those of an earlier version. */
  readonly owner: RootsOwner | undefined;
  readonly roots: ReadonlyMap<string, Root>;
  /** See `RootFolder.lost`. */
  readonly lost: readonly string[];
}

/** Those of a stack's roots that are releases, by their names: one of each of its images. */
export const releasesIn = (roots: ReadonlyMap<string, Root>): [name: string, root: Root][] =>
  [...roots].filter(([, { stage }]) => stage === release.stage);

/** The roots of every stack of every clone that shares a home. */
export async function allRoots(home: string): Promise<HeldRoots[]> {
  const at = join(home, "roots");
  const held: HeldRoots[] = [];
  for (const entry of await entriesOf(at)) {
    const name = entry.isDirectory() ? nameOf(entry.name) : undefined;
    if (name === undefined) {
      ignore(join(at, entry.name));
      continue;
    }
    const folder = new RootFolder(join(at, entry.name));
    const owner = await folder.owner();
    const roots = await folder.list();
    const lost = await folder.lost(roots);
    held.push({ folder: entry.name, stack: owner?.stack ?? name, owner, roots, lost });
  }
  return held;
}
