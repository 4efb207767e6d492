import { readFileSync, writeFileSync } from "node:fs";
import { cpus } from "node:os";
import { join } from "node:path";

import { projectFolder } from "../../host/project";

/** One fault that was tried, and what it cost. */
export interface Figure {
  readonly fault: string;
  /** Stage, or what else it hit. */
  readonly where: string;
  /** From the fault until nothing of the run was left; only where the test inflicts it at a known moment. */
  readonly secondsToClean?: number;
}

export interface Figures {
  /** The faults that were survived. */
  readonly survived: readonly Figure[];
  /** How many were not. */
  readonly failed: number;
  readonly leaks: number;
  readonly lostBytes: number;
}

const DOCUMENT = join(projectFolder, "docs/reliability.md");
const BEGIN = "<!-- figures: made by `npm run test:faults -- --report` -->";
const END = "<!-- end of figures -->";

export function figuresInOneLine({ survived, failed, leaks, lostBytes }: Figures): string {
  const machine = `${cpus().length} CPUs, ${new Date().toISOString().slice(0, 10)}`;
  return `Faults tried: ${survived.length + failed}. Survived: ${survived.length}. Bytes lost: ${lostBytes}. Leaks: ${leaks}. (${machine})`;
}

function table({ survived }: Figures): string[] {
  const rows = [...new Set(survived.map(({ fault }) => fault))].map((fault) => {
    const hits = survived.filter((figure) => figure.fault === fault);
    const times = hits.flatMap(({ secondsToClean }) => secondsToClean ?? []);
    const where = [...new Set(hits.map((hit) => hit.where))].join(", ");
    const slowest = times.length ? `${Math.max(...times).toFixed(1)} s` : "–";
    return `| ${fault} | ${where} | ${hits.length} | ${slowest} |`;
  });
  return ["| fault | where | times | slowest from fault to clean |", "|---|---|---|---|", ...rows];
}

/** Writes the figures into `docs/reliability.md`. */
export function reportFigures(figures: Figures): void {
  const document = readFileSync(DOCUMENT, "utf8");
  const [before, rest = ""] = document.split(BEGIN);
  const after = rest.split(END)[1] ?? "";
  const text = [figuresInOneLine(figures), "", ...table(figures)].join("\n");
  writeFileSync(DOCUMENT, `${before}${BEGIN}\n\n${text}\n\n${END}${after}`);
}
