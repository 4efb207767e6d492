import { stat } from "node:fs/promises";

import { z } from "zod";

import { type base as contract, DISK } from "../../plan/stages/base";
import type { InputsOf } from "../../plan/stages/contract";
import type { PublishedDigest } from "../../plan/publishedDigest";
import { partsOf } from "../../plan/sourceFormats";
import { EXIT, ifDiskIsFull, StageFailure } from "../../host/failure";
import { requireFreeSpace } from "../../host/freeSpace";
import { PROGRAMS_AT } from "../../executors/executor";
import type { StageContext, StageOutcome } from "../../run/stage";
import { readStageFile } from "../../run/stageFile";
import { plannedPrograms } from "../../run/task";
import { provideSource } from "./provideSource";

type Imported = Extract<InputsOf<typeof contract>, { sourceFormat: string }>;

/** From a disk that somebody else made: read as what the settings say that it is, in a container without network and rights. */
export async function importDisk(
  context: StageContext<typeof contract>,
  inputs: Imported,
): Promise<StageOutcome<typeof contract>> {
  const { request, work, container } = context;
  const { architecture, programs, sourceFormat, diskBytes } = inputs;
  const digest: PublishedDigest =
    "sourceSha512" in inputs
      ? { algorithm: "sha512", hex: inputs.sourceSha512 }
      : { algorithm: "sha256", hex: inputs.sourceSha256 };
  const wanted = { kind: "disk", path: request.sourcePath, digest } as const;
  const file = await provideSource(context, wanted);
  // at least what it holds; how much more a compressed one holds is not known yet
  await requireFreeSpace(work, (await stat(file)).size, "the disk");
  const { exitCode, tail } = await container({
    image: request.toolsImage,
    programs: plannedPrograms(programs),
    run: [`${PROGRAMS_AT}/import_disk.py`],
    user: "builder",
    network: "none",
    files: { "/source/disk": file },
    results: { "/result": "." },
    settings: { ...partsOf(sourceFormat), architecture, diskBytes },
    deadlineSeconds: request.timeoutSeconds,
    silenceSeconds: request.silenceSeconds,
  });
  if (exitCode !== 0) {
    const words = tail.slice(-12).join("\n");
    throw new StageFailure(`the disk cannot be used (exit code ${exitCode})\n${words}`, {
      hint: "see the setting from: docs/sources.md",
      exitCode: EXIT.failed,
      ...ifDiskIsFull(tail),
    });
  }
  return { result: { disk: DISK, ...readStageFile(work, "base.json", imported) } };
}

/** What the importing program leaves as `base.json`. */
const imported = z.strictObject({ sourceBytes: z.number(), qemu: z.string() });
