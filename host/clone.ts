import { createHash } from "node:crypto";
import { realpathSync } from "node:fs";
import { hostname } from "node:os";
import { join } from "node:path";

import { isDiskFull } from "./failure";
import { type PlacedId, placedId } from "./placedId";
import { projectFolder } from "./project";

/** The clone that this process works for. Its id lies in its own folder, whatever `KRAGLE_HOME` it shares with others. */
export function thisClone(folder = projectFolder): PlacedId {
  try {
    const again = "this clone counts as a new one: ./kragle up notes anew what its stacks use";
    return placedId(folder, join(folder, ".kragle", "clone"), again);
  } catch (error) {
    const { code = "" } = error as NodeJS.ErrnoException;
    if (!["EROFS", "EACCES"].includes(code) && !isDiskFull(error as Error)) throw error;
    // a folder in which nothing can be written is told by where it lies
    const path = realpathSync(folder);
    const id = createHash("sha256").update(`${hostname()}\n${path}`).digest("hex").slice(0, 36);
    return { id, path };
  }
}
