import { stat } from "node:fs/promises";
import { join } from "node:path";

import { atomicWrite } from "../host/atomicWrite";

/** When the image for use by hand was last tried to be made: what tells one loss of it from the next. */
const noteOf = (home: string) => join(home, "hand-image");

/** @returns "new" before the first time */
export async function lastHandImage(home: string): Promise<string> {
  const note = await stat(noteOf(home)).catch(() => undefined);
  return note ? note.mtime.toISOString() : "new";
}

export async function noteHandImage(home: string): Promise<void> {
  await atomicWrite(noteOf(home), "");
}
