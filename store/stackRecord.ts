import { rm } from "node:fs/promises";
import { join } from "node:path";

import { z } from "zod";

import { atomicWrite } from "../host/atomicWrite";
import { readRecord } from "../host/record";

const recordSchema = z.object({
  engine: z.enum(["pulumi", "embedded"]),
  outputs: z.record(z.string(), z.unknown()).readonly(),
  finishedAt: z.string(),
  /** How long each step took when it ran last, by its name for people; also of steps whose results are Docker's. */
  seconds: z.record(z.string(), z.number()).readonly().optional(),
});

/** What kragle remembers of a stack's last finished run, for `outputs` and for saying when the engine changes. */
export type StackRecord = Readonly<z.infer<typeof recordSchema>>;

const fileOf = (home: string, stack: string) =>
  join(home, "stacks", `${encodeURIComponent(stack)}.json`);

export const readStackRecord = (home: string, stack: string): Promise<StackRecord | undefined> =>
  readRecord(fileOf(home, stack), recordSchema, `./kragle up -s ${stack} writes it again`);

export async function writeStackRecord(
  home: string,
  stack: string,
  record: StackRecord,
): Promise<void> {
  await atomicWrite(fileOf(home, stack), JSON.stringify(record, null, 2) + "\n");
}

export async function forgetStack(home: string, stack: string): Promise<void> {
  await rm(fileOf(home, stack), { force: true });
}
