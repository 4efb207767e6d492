import { readFile } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";

import { EXIT, StageFailure } from "../stages/failure";
import { displayPath } from "../stages/project";
import { sha256File } from "../store/files";
import type { CommonOptions } from "./main";
import { lastRelease } from "./outputs";

/** `kragle verify [FOLDER]`: compares the released files with SHA256SUMS; needs nothing but these files. */
export async function verify(folder: string | undefined, options: CommonOptions): Promise<number> {
  const output = folder
    ? resolve(folder)
    : dirname(String((await lastRelease(options.stack)).outputs.imagePath));
  const sums = await readFile(join(output, "SHA256SUMS"), "utf8").catch(() => {
    throw new StageFailure(`${displayPath(output)} has no SHA256SUMS, so it is not a release`);
  });
  const files = [];
  for (const line of sums.split("\n").filter(Boolean)) {
    const match = /^([0-9a-f]{64}) \*(.+)$/.exec(line);
    if (!match) throw new StageFailure(`SHA256SUMS has a line that is not one: ${line}`);
    const [, sha256, name] = match as unknown as [string, string, string];
    const found = await sha256File(join(output, name)).catch(() => undefined);
    const state = found === undefined ? "missing" : found === sha256 ? "ok" : "altered";
    files.push({ name, state });
  }
  const good = files.length > 0 && files.every(({ state }) => state === "ok");
  const text = options.json
    ? JSON.stringify({ folder: output, good, files })
    : files.map(({ name, state }) => `${state.padEnd(8)} ${name}`).join("\n");
  process.stdout.write(text + "\n");
  return good ? EXIT.done : EXIT.failed;
}
