import { open } from "node:fs/promises";

import { type Extent, firstDifference } from "./extents";
import { incomplete, isDirect, onTarget, type Writing } from "./onTarget";
import { IMAGE, TARGET } from "./tools";

/** Receives how many bytes of how many are done. */
export type Report = (done: number, total: number) => void;

/** Compares what the image stores, and nothing between. @throws StageFailure at the first byte that differs */
export async function compareStored(
  { image, claim, target }: Writing,
  extents: readonly Extent[],
  onProgress: (done: number) => void,
): Promise<void> {
  const source = await open(image.path);
  try {
    const at = await firstDifference(source, claim.handle, extents, onProgress).catch(
      (error: Error) => {
        throw incomplete(target, error.message);
      },
    );
    if (at !== undefined) throw differs(target, at);
  } finally {
    await source.close();
  }
}

/** Compares the whole disk. @throws StageFailure at the first byte that differs */
export async function compareWhole(request: Writing, report: Report): Promise<void> {
  const { image, target } = request;
  // only as many bytes as the image has; with direct I/O, since the page cache still has what was written
  const disk = [
    `driver=raw,size=${image.virtualBytes},cache.direct=${(await isDirect(request)) ? "on" : "off"}`,
    `file.driver=${target.kind === "device" ? "host_device" : "file"},file.filename=${TARGET}`,
  ].join(",");
  const source = `driver=qcow2,file.driver=file,file.filename=${IMAGE}`;
  await onTarget(
    request,
    ["qemu-img", "compare", "-p", "--image-opts", source, disk],
    (done) => report(done * image.virtualBytes, image.virtualBytes),
    (words) => {
      const at = /mismatch at offset (\d+)/.exec(words)?.[1];
      return at === undefined ? undefined : differs(target, Number(at));
    },
  );
}

const differs = (target: Writing["target"], at: number) =>
  incomplete(target, `what was read back differs from the image at byte ${at}`);
