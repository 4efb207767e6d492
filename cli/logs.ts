import { existsSync } from "node:fs";
import { readdir, readFile } from "node:fs/promises";
import { join } from "node:path";

import { EXIT, StageFailure } from "../host/failure";
import { homeFolder } from "../host/home";
import { displayPath } from "../host/project";
import { openStore } from "../store/open";
import type { StackName } from "../plan/identity";
import { Roots } from "../store/roots";
import type { CommonOptions } from "./options";
import { readStackSettings } from "./stackSettings";
import { print } from "../host/output";

interface LogFolder {
  readonly stage: string;
  readonly state: "finished" | "failed" | "running";
  readonly folder: string;
}

/** `kragle logs [STAGE]`: without a stage, where the logs are; with one, its log. */
export async function logs(stage: string | undefined, options: CommonOptions): Promise<number> {
  const { project } = readStackSettings(options.stack);
  const folders = await logFolders({ project, stack: options.stack });
  if (stage === undefined) {
    const text = options.json
      ? JSON.stringify(folders)
      : folders.map((f) => `${f.stage}  ${f.state}  ${displayPath(f.folder)}`).join("\n");
    print((text || "no stage of this stack has run yet") + "\n");
    return EXIT.done;
  }
  const found = folders.filter((f) => f.stage === stage).at(-1);
  if (!found) {
    const known = [...new Set(folders.map((f) => f.stage))].join(", ") || "none yet";
    throw new StageFailure(`there is no log of stage ${stage}; there are: ${known}`, {
      exitCode: EXIT.wrongSettings,
    });
  }
  const text = await readFile(join(found.folder, "stage.log"), "utf8").catch(() => "");
  print(options.json ? JSON.stringify({ ...found, text }) + "\n" : text);
  return EXIT.done;
}

/** Finished runs of the stack, then failed and running ones of the whole store: those are not bound to a stack. */
async function logFolders(name: StackName): Promise<LogFolder[]> {
  const home = homeFolder();
  const store = openStore(home);
  const found: LogFolder[] = [];
  for (const [root, { stage, key }] of await Roots.of(home, name).list()) {
    const folder = join(store.folder(stage, key), "logs");
    if (existsSync(folder)) found.push({ stage: root, state: "finished", folder });
  }
  for (const [place, state] of [
    ["failed", "failed"],
    ["work", "running"],
  ] as const) {
    for (const name of await readdir(join(home, place)).catch(() => [])) {
      const folder = join(home, place, name, ...(place === "work" ? ["logs"] : []));
      found.push({ stage: name.slice(0, -65), state, folder });
    }
  }
  return found;
}
