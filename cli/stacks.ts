import { z } from "zod";

import { requireDaemon } from "../executors/daemon";
import { type Site, thisSite } from "../executors/site";
import { EXIT } from "../host/failure";
import { print } from "../host/output";
import { printable } from "../host/printable";
import { stackNames } from "../host/project";
import { readIfRegular } from "../host/regularFile";
import { planRows } from "../infra/planReport";
import { imagesIn, type PlanRow, willRun } from "../infra/planRow";
import { planRun } from "../infra/requirements";
import { imageIdentity } from "../plan/imageIdentity";
import { imageOfRoot } from "../plan/roots";
import { formatAge } from "../plan/units";
import { identityOf } from "../store/identity";
import { readStackRecord, releasesOf, type StackRecord } from "../store/stackRecord";
import { describeFailure } from "./failure";
import { logFolders } from "./logs";
import { readProject, readStack } from "./stackSettings";

/** What there is to know of a stack at a glance. */
interface StackRow {
  readonly stack: string;
  /** Of a stack with several, a row each. */
  readonly image?: string;
  /** How its last run ended, as far as it can be seen; "destroyed" after `destroy`. */
  readonly result: "released" | "failed" | "destroyed" | "none";
  /** The stage that failed after the last release. */
  readonly failedStage?: string;
  readonly release?: Release;
  /** What `up` would do: nothing, or run these stages, none where all is in the store already; "unknown" where that cannot be planned. */
  readonly drift: {
    readonly state: "none" | "differs" | "unknown";
    readonly stages: readonly string[];
    /** Why it is not known. */
    readonly why?: string;
  };
}

interface Release extends Partial<z.infer<typeof imageIdentity>> {
  readonly imageSha256: string;
  /** ISO 8601. */
  readonly releasedAt: string;
}

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
  const failures = (await logFolders({ project, stack })).filter(({ state }) => state === "failed");
  const planned = await plannedRows(site, owner, obstacle);
  const released = releasesOf(record);
  const names = typeof planned === "string" ? [...released.keys()] : imagesIn(planned);
  return (names.length > 0 ? names : [null]).map((name) => {
    const outputs = released.get(name);
    const finishedAt = record?.finishedAt ?? "";
    const release = outputs && releaseOf({ outputs, finishedAt });
    const isOwn = (stage: string) => name === null || imageOfRoot(stage) === name;
    const failed = failures.findLast((failure) => isOwn(failure.stage));
    // of several images, one may have failed in the run that released others
    const isLater =
      failed !== undefined &&
      failed.at > (name === null ? finishedAt : (release?.releasedAt ?? ""));
    const ended = record?.destroyedAt ? "destroyed" : release ? "released" : "none";
    return {
      ...{ stack, ...(name === null ? {} : { image: name }) },
      result: isLater ? "failed" : ended,
      ...(isLater ? { failedStage: failed.stage } : {}),
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

/** Characters of a reason in the table; `--json` has all of it. */
const LONGEST = 100;

const HEADS = ["STACK", "LAST RESULT", "RELEASE", "AGE", "UP WOULD"] as const;

/** The rows as an aligned table. */
export function linesOf(rows: readonly StackRow[], now = new Date()): string[] {
  const cells = rows.map((row) => [
    row.image === undefined ? row.stack : `${row.stack} ${row.image}`,
    row.failedStage === undefined ? row.result : `failed: ${row.failedStage}`,
    row.release ? nameOf(row.release) : "-",
    row.release ? formatAge((now.getTime() - Date.parse(row.release.releasedAt)) / 1000) : "-",
    driftText(row.drift),
  ]);
  const table = [[...HEADS], ...cells];
  const widths = HEADS.map((_, column) => Math.max(...table.map((row) => row[column]!.length)));
  return table.map((row) =>
    row
      .map((cell, column) => printable(cell).padEnd(widths[column]!))
      .join("  ")
      .trimEnd(),
  );
}

const nameOf = ({ imageId, imageVersion, imageSha256 }: Release) =>
  [imageId, imageVersion, imageSha256.slice(0, 12)].filter(Boolean).join(" ");

function driftText({ state, stages, why = "" }: StackRow["drift"]): string {
  if (state === "none") return "do nothing";
  if (state === "differs") {
    return stages.length > 0 ? `run ${stages.join(", ")}` : "take what is in the store";
  }
  // what to do next is for whoever runs `preview`, which says all of it
  const line = why.replace(/\n {2}next: .*/s, "").replace(/\s*\n\s*/g, " ");
  return `? ${line.length > LONGEST ? `${line.slice(0, LONGEST - 1)}…` : line}`;
}
