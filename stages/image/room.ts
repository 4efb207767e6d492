import { join } from "node:path";

import { occupiedBytes, requireFreeSpace } from "../../host/freeSpace";
import { DISK } from "../../plan/stages/base";
import type { Artifact } from "../../store/artifactStore";

/**
 * Compares what is free with what an image on that base takes: at least the base twice more, for the unpacked and the compacted image; what
 * the guest writes comes on top.
 *
 * @param work folder in which the image is made
 * @throws StageFailure (exit code 3) with both figures
 */
export async function requireRoom(work: string, installed: Artifact): Promise<void> {
  await requireFreeSpace(
    work,
    3 * (await occupiedBytes(join(installed.folder, DISK))),
    "the image",
  );
}
