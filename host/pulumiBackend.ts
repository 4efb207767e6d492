import { realpathSync } from "node:fs";
import { join, resolve } from "node:path";

import { parse } from "yaml";

import { textIn } from "./files";
import { projectFolder } from "./project";
import { unescaped } from "./unescaped";
import { userHome } from "./user";

/** kragle's own backend: a folder in its home, which the embedded engine shares in that it keeps no state at all. */
export const OWN_BACKEND = "own";

/** Where kragle's own backend keeps its state. */
export const ownState = (home: string) => join(home, "state");

/**
 * The address of the backend that the user chose for the Pulumi CLI, in the CLI's order: the environment, Pulumi.yaml, the last login
 * (pulumi/pulumi, pkg/workspace/creds.go). Undefined where none was chosen.
 */
export function chosenBackend(environment = process.env): string | undefined {
  const { PULUMI_BACKEND_URL: url, PULUMI_HOME: pulumiHome } = environment;
  if (url) return url;
  const own = textIn(join(projectFolder, "Pulumi.yaml"), ["backend", "url"], parse);
  if (own) return own;
  const file = join(pulumiHome ?? join(userHome(), ".pulumi"), "credentials.json");
  return textIn(file, ["current"]) || undefined;
}

/**
 * Which backend a stack's state lies in, one text for one backend however it is written.
 *
 * @param home the `.kragle` folder
 */
export function pulumiBackend(home: string, environment = process.env): string {
  const chosen = chosenBackend(environment);
  if (chosen === undefined) return OWN_BACKEND;
  // a password is no part of it, and stands in no file of kragle's
  if (!chosen.startsWith("file://")) {
    return chosen.replace(/^([a-z\d+.-]+:\/\/[^/@:]*):[^/]*@/i, "$1@").replace(/\/+$/, "");
  }
  const folder = folderOf(chosen);
  return folder === folderOf(`file://${encodeURI(ownState(home))}`)
    ? OWN_BACKEND
    : `file://${folder}`;
}

/** The CLI takes `file://~` and `file://./x` too, and reads the rest as a URL's path. */
function folderOf(url: string): string {
  const given = url.slice("file://".length).replace(/\?.*$/, "");
  const path = unescaped(given);
  const folder =
    path === "~" || path.startsWith("~/")
      ? resolve(userHome(), path.slice(2))
      : resolve(projectFolder, path);
  try {
    return realpathSync(folder);
  } catch {
    return folder;
  }
}
