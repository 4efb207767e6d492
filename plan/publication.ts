import { createHash } from "node:crypto";

import type { InputsOf } from "./stages/contract";
import type { publish } from "./stages/publish";

/** Where others take an image from. */
export type PublicationDestination = InputsOf<typeof publish>["destination"];

/** One entry of the setting `publish`. */
export interface PublicationSpec {
  /** Follows from the destination, so that the order of the setting makes no difference, such as "images-1c9f". */
  readonly name: string;
  readonly destination: PublicationDestination;
  /** Names of released files, such as "kragle.raw"; empty for the image and every conversion of it. */
  readonly files: readonly string[];
  /** How many versions stay at least; one that a stack still uses stays in any case. */
  readonly keep: number;
}

/** A resource's name for a destination. */
export function publicationName(destination: PublicationDestination): string {
  const place = "folder" in destination ? destination.folder : destination.pool;
  const word = place.replace(/[^A-Za-z0-9]+/g, "-").replace(/^-|-$/g, "");
  const digest = createHash("sha256").update(JSON.stringify(Object.entries(destination)));
  return `${word.slice(-32).replace(/^-/, "") || "place"}-${digest.digest("hex").slice(0, 4)}`;
}
