import { readFile } from "node:fs/promises";
import { join } from "node:path";

import { IMAGE } from "../plan/stages/image";
import type { BootFacts } from "../plan/stages/smoke";
import type { PackageChanges } from "./packages";
import type { PreviousRelease } from "./previous";
import type { Provenance } from "./provenance";
import type { Boot } from "./report/boots";
import { renderReport } from "./report/page";
import type { Declared, Sources } from "./sources";
import { originOf, type StageRun } from "./stageRuns";
import { stepRuns } from "./steps";

interface ReportInputs {
  readonly declared: Declared;
  readonly sources: Sources;
  readonly previous: PreviousRelease;
  readonly owner: string;
  readonly runs: readonly StageRun[];
  readonly changes: PackageChanges;
  readonly provenance: Provenance;
  readonly signer: string | undefined;
  readonly releasedAt: string;
}

/** Gathers what a release's report tells, and makes the page of it. */
export async function makeReport(inputs: ReportInputs): Promise<string> {
  const { declared, sources, previous, owner, runs, changes, provenance, signer, releasedAt } =
    inputs;
  const { upstream, request } = declared;
  const { image, check, smoke, packages, packageFiles } = sources;
  return renderReport({
    stack: request.stack,
    ...{ releasedAt, signer, packages, changes, provenance, packageFiles },
    image: {
      sha256: upstream.imageSha256,
      bytes: image.manifest.files.find(({ path }) => path === IMAGE)!.bytes,
      virtualBytes: request.virtualBytes,
      ...image.result.identity,
    },
    changed: request.changed,
    formats: request.conversions.map(({ name }) => name),
    accelerator: image.result.accelerator,
    stages: runs.map((run) => ({ run, origin: originOf(run, previous, owner) })),
    check: check.result,
    smoke: smoke?.result,
    steps: await stepRuns(image, request.steps),
    removed: sources.removed,
    boots: smoke ? await readBoots(smoke.folder, smoke.result.boots) : [],
  });
}

function readBoots(folder: string, boots: Readonly<Record<string, BootFacts>>): Promise<Boot[]> {
  const read = (name: string, encoding: "utf8" | "base64") =>
    // a screenshot may be missing; the page then goes without
    readFile(join(folder, name), encoding).catch(() => undefined);
  return Promise.all(
    Object.entries(boots).map(async ([name, boot]) => ({
      ...boot,
      name,
      log: await read(boot.serialLog, "utf8"),
      screen: await read(boot.screenshot, "base64"),
      outputs: await Promise.all((boot.tests ?? []).map(({ log }) => read(log, "utf8"))),
    })),
  );
}
