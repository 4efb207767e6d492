import { existsSync, statSync } from "node:fs";
import { dirname } from "node:path";

import { EXIT, StageFailure } from "../host/failure";
import { thisClone } from "../host/clone";
import { homeFolder } from "../host/home";
import { print } from "../host/output";
import { displayPath } from "../host/project";
import { warn } from "../host/warn";
import { identityOf } from "../store/identity";
import { readStackRecord, type StackRecord } from "../store/stackRecord";
import type { CommonOptions } from "./options";
import { readStackSettings } from "./stackSettings";

/** The record of a stack's last release. @throws StageFailure where there is none, or the stack was destroyed after it */
export async function lastRelease(stack: string): Promise<StackRecord> {
  const { project } = readStackSettings(stack);
  const home = homeFolder();
  const record = await readStackRecord(home, identityOf(home, { project, stack }));
  if (record && !record.destroyedAt) return record;
  throw new StageFailure(record ? afterDestroy(stack, record) : neverReleased(stack), {
    hint: `./kragle up -s ${stack}`,
  });
}

function afterDestroy(stack: string, { destroyedAt, outputs: { imagePath } }: StackRecord): string {
  const folder = dirname(String(imagePath));
  const files = existsSync(folder)
    ? `its files lie in ${displayPath(folder)}`
    : "its files are gone";
  return `stack ${stack} was destroyed at ${destroyedAt}; ${files}`;
}

function neverReleased(stack: string): string {
  const { copyOf } = thisClone();
  return copyOf === undefined
    ? `stack ${stack} has not been released yet`
    : `stack ${stack} has not been released from here yet: this folder is a copy of ${copyOf}`;
}

/** Whether the image lies where the outputs say, as far as its size tells; `verify` reads it. */
function isThere({ imagePath, imageBytes }: StackRecord["outputs"]): boolean {
  const size = statSync(String(imagePath), { throwIfNoEntry: false })?.size;
  return size !== undefined && (imageBytes === undefined || size === imageBytes);
}

/** `kragle outputs`: what the last release of a stack gave to other programs. */
export async function outputs(options: CommonOptions): Promise<number> {
  const { outputs: values } = await lastRelease(options.stack);
  if (!isThere(values)) {
    const image = displayPath(String(values.imagePath));
    const next = `./kragle up -s ${options.stack} lays it out again`;
    warn(`${image} is gone, or is not the image of these outputs any more; ${next}`);
  }
  if (options.json) {
    print(JSON.stringify(values) + "\n");
    return EXIT.done;
  }
  const width = Math.max(...Object.keys(values).map((name) => name.length));
  for (const [name, value] of Object.entries(values)) {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    print(`${name.padEnd(width)}  ${text}\n`);
  }
  return EXIT.done;
}
