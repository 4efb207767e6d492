import type { Manifest } from "./manifest";

/** An artifact whose files are on this machine. */
export interface Artifact {
  /** Absolute. */
  readonly folder: string;
  readonly manifest: Manifest;
}

/** What is known of an artifact; its files need not be on this machine. */
export type Lookup =
  | { readonly state: "present"; readonly manifest: Manifest }
  | { readonly state: "missing" }
  | { readonly state: "damaged"; readonly reason: string };

/** What a stage hands over when it is done; the store adds the digests. */
export interface Finished {
  readonly manifest: Omit<Manifest, "format" | "publishedAt" | "files" | "external">;
  /** Files that the stage laid down outside of the store: path as in `FileRecord`, and digest where the stage has just computed it. */
  readonly external?: readonly { readonly path: string; readonly sha256?: string }[];
}

/**
 * What the plan, the stages and their runner ask of a store. A store that several machines share can stand behind this machine's:
 * `lookup` and `manifests` then know what both have, `artifact` brings the files here first, and `publish` sends them on. So only
 * `artifact` and `publish` say where files lie.
 */
export interface ArtifactStore {
  /** Tells the containers, losses and publications of this machine's store from those of others. */
  readonly id: string;
  /** The `.kragle` folder of this machine, in which also its {@link Workplace}, roots and caches are. */
  readonly home: string;

  /** Looks whether an artifact is there and whole. Milliseconds, unless a file's time or inode makes it look at the content. */
  lookup(stage: string, key: string): Promise<Lookup>;

  /**
   * An artifact to read from.
   *
   * @throws ArtifactUnavailable where it is not there or not whole
   */
  artifact(stage: string, key: string): Promise<Artifact>;

  /** The manifests of every artifact of a stage; unreadable ones are left out. */
  manifests(stage: string): Promise<Manifest[]>;

  /** Publishes what lies in the stage's work folder; the caller holds the stage's lock. */
  publish(stage: string, key: string, finished: Finished): Promise<Artifact>;
}

/** What a stage needs is not there; for the user a message, not a stack trace. */
export class ArtifactUnavailable extends Error {}
