import type { z } from "zod";

import { printable } from "../host/printable";
import type { imageIdentity } from "../plan/imageIdentity";
import { formatAge } from "../plan/units";

/** What there is to know of a stack at a glance. */
export interface StackRow {
  readonly stack: string;
  /** Of a stack with several, a row each. */
  readonly image?: string;
  /** How its last run ended, as far as it can be seen; "destroyed" after `destroy`. */
  readonly result: "released" | "failed" | "destroyed" | "none";
  /** The stage that failed after the last release. */
  readonly failedStage?: string;
  /** The stages that run for it now; absent where none does. */
  readonly atWork?: readonly string[];
  readonly release?: Release;
  /** What `up` would do: nothing, or run these stages, none where all is in the store already; "unknown" where that cannot be planned. */
  readonly drift: {
    readonly state: "none" | "differs" | "unknown";
    readonly stages: readonly string[];
    /** Why it is not known. */
    readonly why?: string;
  };
}

export interface Release extends Partial<z.infer<typeof imageIdentity>> {
  readonly imageSha256: string;
  /** ISO 8601. */
  readonly releasedAt: string;
}

/** Characters of a reason in the table; `--json` has all of it. */
const LONGEST = 100;

const HEADS = ["STACK", "LAST RESULT", "RELEASE", "AGE", "UP WOULD"] as const;

/** The rows as an aligned table. */
export function linesOf(rows: readonly StackRow[], now = new Date()): string[] {
  const cells = rows.map((row) => [
    row.image === undefined ? row.stack : `${row.stack} ${row.image}`,
    resultText(row),
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

function resultText({ result, failedStage, atWork }: StackRow): string {
  if (atWork) return `at work: ${atWork.join(", ")}`;
  return failedStage === undefined ? result : `failed: ${failedStage}`;
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
