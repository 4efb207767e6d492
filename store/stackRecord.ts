import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";

import { atomicWrite } from "../host/atomicWrite";
import { parseRecord } from "./record";

/** What kragle remembers of a stack's last finished run, for `outputs` and for saying when the engine changes. */
export interface StackRecord {
  readonly engine: "pulumi" | "embedded";
  readonly outputs: Readonly<Record<string, unknown>>;
  readonly finishedAt: string;
  /** How long each step took when it ran last, by its name for people; also of steps whose results are Docker's. */
  readonly seconds?: Readonly<Record<string, number>>;
}

const fileOf = (home: string, stack: string) =>
  join(home, "stacks", `${encodeURIComponent(stack)}.json`);

export async function readStackRecord(
  home: string,
  stack: string,
): Promise<StackRecord | undefined> {
  const file = fileOf(home, stack);
  const text = await readFile(file, "utf8").catch(() => undefined);
  return text === undefined ? undefined : parseRecord<StackRecord>(file, text);
}

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
