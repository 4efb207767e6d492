import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { projectFolder } from "../host/project";
import { chosenBackend, ownState } from "../host/pulumiBackend";

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
 * @returns the function that takes the salt out again, if the file had none
 */
export function keepStackFile(stack: string): () => void {
  const file = join(projectFolder, `Pulumi.${stack}.yaml`);
  const before = readFileSync(file, "utf8");
  return () => {
    const salt = /^encryptionsalt: .*\n/m;
    if (chosenBackend() || salt.test(before)) return;
    const now = readFileSync(file, "utf8");
    // written in place, so that owner, mode and links of the user's file stay
    if (now.replace(salt, "") === before) writeFileSync(file, before, { flush: true });
  };
}
