import type { CopySource } from "../release/verifiedCopy";

/** A file to publish, by the name that the release gives it. */
export interface PublishedFile extends CopySource {
  readonly bytes: number;
}

/** A place that holds versions, each a set of files under one name. */
export interface Destination {
  /** Whether names may lead into folders. */
  readonly hasFolders: boolean;
  /** The names of what is there, versions or not. */
  list(): Promise<string[]>;
  /**
   * Copies the files and proves that the copies are what was released. Under the version's name all of them appear, or none
   * stays.
   *
   * @returns where each file is now, by its name
   */
  put(version: string, files: readonly PublishedFile[]): Promise<Record<string, string>>;
  /** @returns why it was left, where it cannot be deleted by this user */
  remove(version: string): Promise<string | undefined>;
}
