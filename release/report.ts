import { readFile } from "node:fs/promises";
import { join } from "node:path";

import type { ReleaseSettings } from "../stages/release/release";
import type { PackageChanges } from "./packages";
import type { PreviousRelease } from "./previous";
import type { Provenance } from "./provenance";
import { type Boot, bootsOf, smokeResult, type SmokeFacts } from "./report/boots";
import { checkFile } from "./report/checks";
import { renderReport } from "./report/page";
import type { Sources } from "./sources";
import { originOf, type StageRun } from "./stageRuns";

interface ReportInputs {
  readonly settings: ReleaseSettings;
  readonly sources: Sources;
  readonly previous: PreviousRelease;
  readonly runs: readonly StageRun[];
  readonly changes: PackageChanges;
  readonly provenance: Provenance;
  readonly signer: string | undefined;
  readonly releasedAt: string;
}

/** Gathers what a release's report tells, and makes the page of it. */
export async function makeReport(inputs: ReportInputs): Promise<string> {
  const { settings, sources, previous, runs, changes, provenance, signer, releasedAt } = inputs;
  const { image, check, smoke, packages } = sources;
  const result = smoke && smokeResult.parse(smoke.manifest.result);
  return renderReport({
    stack: settings.stack,
    ...{ releasedAt, signer, packages, changes, provenance },
    image: {
      sha256: settings.image.sha256,
      bytes: image.manifest.files.find(({ path }) => path === "image.qcow2")!.bytes,
      virtualBytes: settings.virtualBytes,
    },
    formats: settings.conversions.map(({ name }) => name),
    accelerator: String(image.manifest.result.accelerator),
    stages: runs.map((run) => ({ run, origin: originOf(run, previous) })),
    check: checkFile.parse(JSON.parse(await readFile(join(check.folder, "check.json"), "utf8"))),
    smoke: result,
    boots: smoke && result ? await readBoots(smoke.folder, result) : [],
  });
}

function readBoots(folder: string, facts: SmokeFacts): Promise<Boot[]> {
  const read = (name: string | undefined, encoding: "utf8" | "base64") =>
    // a screenshot may be missing; the page then goes without
    name === undefined ? undefined : readFile(join(folder, name), encoding).catch(() => undefined);
  return Promise.all(
    bootsOf(facts).map(async ([name, boot]) => ({
      ...boot,
      name,
      log: await read(boot.serialLog, "utf8"),
      screen: await read(boot.screenshot, "base64"),
    })),
  );
}
