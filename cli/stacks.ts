import { z } from "zod";

import { requireDaemon } from "../executors/daemon";
import { type Site, thisSite } from "../executors/site";
import { EXIT } from "../host/failure";
import { print } from "../host/output";
import { stackNames } from "../host/project";
import { readIfRegular } from "../host/regularFile";
import { imageIdentity } from "../plan/imageIdentity";
import { imageOfRoot } from "../plan/roots";
import { planRows } from "../preview/planReport";
import { imagesIn, type PlanRow, willRun } from "../preview/planRow";
import { planRun } from "../preview/requirements";
import { identityOf } from "../store/identity";
import { readStackRecord, releasesOf, type StackRecord } from "../store/stackRecord";
import { describeFailure } from "./failure";
import { logFolders } from "./logs";
import { readProject, readStack } from "./stackSettings";
import { linesOf, type Release, type StackRow } from "./stackTable";

/** `kragle stacks`: the stacks of this project, each with its last result, its release, and what it differs in from its settings. */
export async function stacks({ json }: { json?: boolean }): Promise<number> {
  const { project } = readProject();
  const site = thisSite();
  const obstacle = await requireDaemon(site).then(() => undefined, wordsOf);
  const rows: StackRow[] = [];
  for (const stack of stackNames()) rows.push(...(await rowsOf(site, project, stack, obstacle)));
  if (json) print(JSON.stringify(rows) + "\n");
  else for (const line of linesOf(rows)) print(line + "\n");
  return EXIT.done;
}

async function rowsOf(
  site: Site,
  project: string,
  stack: string,
  obstacle: string | undefined,
): Promise<StackRow[]> {
  const owner = identityOf(site.home, { project, stack });
  const record = await readStackRecord(site.home, owner);
  const logs = await logFolders({ project, stack });
  const planned = await plannedRows(site, owner, obstacle);
  const released = releasesOf(record);
  const names = typeof planned === "string" ? [...released.keys()] : imagesIn(planned);
  return (names.length > 0 ? names : [null]).map((name) => {
    const outputs = released.get(name);
    const finishedAt = record?.finishedAt ?? "";
    const release = outputs && releaseOf({ outputs, finishedAt });
    const isOwn = (stage: string) => name === null || imageOfRoot(stage) === name;
    const own = logs.filter(({ stage }) => isOwn(stage));
    const failed = own.findLast(({ state }) => state === "failed");
    const atWork = own.flatMap(({ stage, state }) => (state === "running" ? [stage] : []));
    // of several images, one may have failed in the run that released others
    const isLater =
      failed !== undefined &&
      failed.at > (name === null ? finishedAt : (release?.releasedAt ?? ""));
    const ended = record?.destroyedAt ? "destroyed" : release ? "released" : "none";
    return {
      ...{ stack, ...(name === null ? {} : { image: name }) },
      result: isLater ? "failed" : ended,
      ...(isLater ? { failedStage: failed.stage } : {}),
      ...(atWork.length > 0 ? { atWork } : {}),
      ...(release ? { release } : {}),
      drift: driftOf(planned, name),
    };
  });
}

const manifestFile = imageIdentity.partial().loose().extend({ releasedAt: z.string().optional() });

/** Bytes; others may be able to write where it lies. */
const LARGEST_MANIFEST = 2 ** 24;

/** By its manifest; by what the stack noted where that is gone. */
function releaseOf({ outputs, finishedAt }: Pick<StackRecord, "outputs" | "finishedAt">): Release {
  const text = readIfRegular(String(outputs.manifestPath), LARGEST_MANIFEST)?.toString();
  const facts = manifestFile.safeParse(jsonOf(text ?? "{}")).data ?? {};
  const { imageId, imageVersion, buildId, releasedAt = finishedAt } = facts;
  return { imageId, imageVersion, buildId, imageSha256: String(outputs.imageSha256), releasedAt };
}

function jsonOf(text: string): unknown {
  try {
    return JSON.parse(text);
  } catch {
    return undefined;
  }
}

/** @returns why there is no plan, where there is none */
async function plannedRows(
  site: Site,
  owner: ReturnType<typeof identityOf>,
  obstacle: string | undefined,
): Promise<readonly PlanRow[] | string> {
  try {
    const { spec } = readStack(owner.stack, false);
    if (obstacle !== undefined) return obstacle;
    return planRows(await planRun(site, spec, owner));
  } catch (error) {
    return wordsOf(error as Error);
  }
}

function driftOf(planned: readonly PlanRow[] | string, name: string | null): StackRow["drift"] {
  if (typeof planned === "string") return { state: "unknown", stages: [], why: planned };
  const rows = planned.filter(({ image }) => image === undefined || image === name);
  return {
    state: rows.every(({ status }) => status === "unchanged") ? "none" : "differs",
    stages: rows.filter(willRun).map(({ stage }) => stage),
  };
}

const wordsOf = (error: Error) => describeFailure(error).message;
