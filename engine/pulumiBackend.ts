import { mkdirSync, readFileSync } from "node:fs";
import { readFile, realpath, stat } from "node:fs/promises";
import { join } from "node:path";

import { atomicWrite } from "../host/atomicWrite";
import { displayPath, projectFolder } from "../host/project";
import { chosenBackend, ownState } from "../host/pulumiBackend";
import { warn } from "../host/warn";

/** A local file backend below `.kragle`, unless the user has configured one or is logged in somewhere. */
export function backendEnvironment(home: string): Record<string, string> {
  const environment: Record<string, string> = { PULUMI_SKIP_UPDATE_CHECK: "true" };
  if (chosenBackend()) return environment;
  const folder = ownState(home);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  environment.PULUMI_BACKEND_URL = `file://${folder}`;
  if (!process.env.PULUMI_CONFIG_PASSPHRASE_FILE) {
    // empty: a passphrase stored beside the state would protect no more than the folder's mode does
    environment.PULUMI_CONFIG_PASSPHRASE = process.env.PULUMI_CONFIG_PASSPHRASE ?? "";
  }
  return environment;
}

/**
 * The CLI writes the salt of its passphrase into the stack's file. With kragle's own backend that would make a tracked file
 * differ after the first run, for a salt that no other machine can use.
 *
 * @returns the function that takes the salt out again, if the file had none; where it cannot, it warns: the run has its result all
 * the same
 */
export function keepStackFile(stack: string, project = projectFolder): () => Promise<void> {
  const file = join(project, `Pulumi.${stack}.yaml`);
  const before = readFileSync(file, "utf8");
  const restore = async () => {
    const salt = /^encryptionsalt: .*\n/m;
    if (chosenBackend() || salt.test(before)) return;
    const now = await readFile(file, "utf8");
    if (now.replace(salt, "") !== before) return;
    // what a link leads to is replaced, and not the link
    const real = await realpath(file);
    await atomicWrite(real, before, await stat(real));
  };
  return () =>
    restore().catch(({ message }: Error) =>
      warn(`${displayPath(file)} keeps the line encryptionsalt of this run: ${message}`),
    );
}
