import { join } from "node:path";

import { occupiedBytes, requireFreeSpace } from "../../host/freeSpace";
import { diskOf } from "../../plan/stages/image";
import type { Artifact } from "../../store/artifactStore";

/**
 * Compares what is free with what an image on that disk takes: at least the disk twice more, for the unpacked and the compacted image; what
 * the guest writes comes on top.
 *
 * @param work folder in which the image is made
 * @throws StageFailure (exit code 3) with both figures
 */
export async function requireRoom(work: string, installed: Artifact): Promise<void> {
  await requireFreeSpace(
    work,
    3 * (await occupiedBytes(join(installed.folder, diskOf(installed.manifest.stage)))),
    "the image",
  );
}
