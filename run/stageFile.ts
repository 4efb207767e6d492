import { join } from "node:path";

import type { z } from "zod";

import { StageFailure } from "../host/failure";
import { parseRecord } from "../host/record";
import { readRegular } from "../host/regularFile";

/** Bytes; more than a text of JavaScript can have anyway. */
const LARGEST = 2 ** 29;

/**
 * Reads a JSON document that a stage's container left in the work folder. A container that says that it is done may have been cut short
 * by its disk, and what runs in it may put anything in the file's place: a link would lead to a file of this machine.
 *
 * @param file relative to the work folder
 * @throws StageFailure that names the file, where it is not there, no regular file, or not as the schema has it
 */
export function readStageFile<T>(work: string, file: string, schema: z.ZodType<T>): T {
  try {
    return parseRecord(readRegular(join(work, file), LARGEST), schema);
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    const why = code === "ENOENT" ? "is missing" : `is not what it should be (${message})`;
    throw new StageFailure(`the container ended well, but its ${file} ${why}`, {
      evidence: [file],
      hint: "run the same command again; if it fails in the same way, the disk may be failing, or this is a bug of kragle's",
    });
  }
}
