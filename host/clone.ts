import { createHash } from "node:crypto";
import { existsSync, realpathSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";

import { isDiskFull } from "./failure";
import { isOwnHome } from "./home";
import { type PlacedId, placedId } from "./placedId";
import { projectFolder } from "./project";

/**
 * The clone that this process works for. Its id lies in its own folder, whatever `KRAGLE_HOME` it shares with others; where none can lie
 * there, the clone is told by its place, and one that is moved counts as new.
 */
export function thisClone(folder = projectFolder): PlacedId {
  const own = join(folder, ".kragle");
  // a link may lead to what several clones share
  if (existsSync(own) && !isOwnHome(own, folder)) return byPlace(folder);
  try {
    const again = "this clone counts as a new one: ./kragle up notes anew what its stacks use";
    return placedId(folder, join(own, "clone"), again);
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (!["EROFS", "EACCES"].includes(code) && !isDiskFull(error as Error)) throw error;
    return byPlace(folder);
  }
}

function byPlace(folder: string): PlacedId {
  const path = realpathSync(folder);
  const id = createHash("sha256").update(`${hostname()}\n${path}`).digest("hex").slice(0, 36);
  return { id, path };
}
