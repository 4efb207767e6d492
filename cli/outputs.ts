import { EXIT, StageFailure } from "../host/failure";
import { homeFolder } from "../host/project";
import { readStackRecord, type StackRecord } from "../store/stackRecord";
import type { CommonOptions } from "./options";
import { readStackSettings } from "./stackSettings";

/** The record of a stack's last release. @throws StageFailure where there is none */
export async function lastRelease(stack: string): Promise<StackRecord> {
  readStackSettings(stack);
  const record = await readStackRecord(homeFolder(), stack);
  if (record) return record;
  throw new StageFailure(`stack ${stack} has not been released yet`, {
    hint: `./kragle up -s ${stack}`,
  });
}

/** `kragle outputs`: what the last release of a stack gave to other programs. */
export async function outputs(options: CommonOptions): Promise<number> {
  const { outputs: values } = await lastRelease(options.stack);
  if (options.json) {
    process.stdout.write(JSON.stringify(values) + "\n");
    return EXIT.done;
  }
  const width = Math.max(...Object.keys(values).map((name) => name.length));
  for (const [name, value] of Object.entries(values)) {
    const text = typeof value === "string" ? value : JSON.stringify(value);
    process.stdout.write(`${name.padEnd(width)}  ${text}\n`);
  }
  return EXIT.done;
}
