import { mkdir, rm } from "node:fs/promises";
import { join } from "node:path";

import { z } from "zod";

import { atomicWrite } from "../host/atomicWrite";
import { isDiskFull } from "../host/failure";
import { readRecord } from "../host/record";
import { identitySchema, shortIdentity, type StackIdentity } from "../plan/identity";

const noteSchema = identitySchema.extend({
  /** Under which the stack would keep the result. */
  root: z.string(),
  /** ISO 8601, as the next. */
  startedAt: z.string(),
  failedAt: z.string().optional(),
});

/** Whose run of a stage one folder of logs is, while it is at work and when it has failed: a result has no owner. */
export type RunNote = Readonly<z.infer<typeof noteSchema>>;

const fileIn = (logs: string) => join(logs, "run.json");

/** Tells it beside the logs. On a full disk it is left out: the run ends soon, in its own words. */
export async function noteRun(
  logs: string,
  owner: StackIdentity,
  rest: Pick<RunNote, "root" | "startedAt" | "failedAt">,
): Promise<void> {
  const note: RunNote = { ...owner, ...rest };
  try {
    await mkdir(logs, { recursive: true });
    // whoever lists the logs at this moment must not find a part of it
    await atomicWrite(fileIn(logs), JSON.stringify(note) + "\n");
  } catch (error) {
    if (!isDiskFull(error as Error)) throw error;
  }
}

/** Before the logs are published, which are everybody's. */
export const dropNote = (logs: string): Promise<void> => rm(fileIn(logs), { force: true });

/** @returns undefined where another stack ran it, or it is not known who did */
export async function noteOf(logs: string, owner: StackIdentity): Promise<RunNote | undefined> {
  const note = await readRecord(fileIn(logs), noteSchema, "its run is not listed any more");
  return note && shortIdentity(note) === shortIdentity(owner) ? note : undefined;
}
