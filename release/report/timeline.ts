import { counted, formatSeconds } from "../../plan/units";
import type { Origin, StageRun } from "../stageRuns";
import { dateTime, html, type Html, percent } from "./html";
import { bars, section } from "./parts";

export interface TimedStage {
  readonly run: StageRun;
  readonly origin: Origin;
}

/** Pauses longer than this are left out of the axis: a build that failed goes on hours later. */
const LONGEST_PAUSE_SECONDS = 15;

/** What ran when, with the phases of each stage; stages from the store have no place on the axis. */
export function timeline(stages: readonly TimedStage[]): Html {
  const ran = stages.filter(({ origin }) => origin.from === "run").map(({ run }) => run);
  const axis = makeAxis(ran);
  const stored = stages.length - ran.length;
  const worked = `${counted(ran.length, "stage")} ran for this release, ${formatSeconds(axis.seconds)} in all`;
  const lead =
    ran.length === 0
      ? "Every stage came from the store: nothing had to be made again"
      : stored > 0
        ? `${worked}; ${stored} came from the store`
        : worked;
  return section(
    "timeline",
    "How it was made",
    html`<div class="gantt">${stages.map((stage) => row(stage, axis))}</div>
      <p class="note">Open a stage to see its phases. Bars that overlap ran at the same time.</p>`,
    `${lead}.`,
  );
}

interface Axis {
  readonly seconds: number;
  /** Seconds of work before a point in time. */
  at(iso: string): number;
}

/** An axis on which only the time counts in which something ran. */
function makeAxis(runs: readonly StageRun[]): Axis {
  const spans = runs
    .map(({ startedOn, finishedOn }) => [
      Date.parse(startedOn) / 1000,
      Date.parse(finishedOn) / 1000,
    ])
    .sort(([a], [b]) => a! - b!) as [number, number][];
  const busy: [number, number][] = [];
  for (const [from, to] of spans) {
    const last = busy.at(-1);
    if (last && from - last[1] <= LONGEST_PAUSE_SECONDS) last[1] = Math.max(last[1], to);
    else busy.push([from, to]);
  }
  const before = (at: number) =>
    busy.reduce((sum, [from, to]) => sum + Math.max(0, Math.min(at, to) - from), 0);
  return { seconds: before(Infinity), at: (iso) => before(Date.parse(iso) / 1000) };
}

function row({ run, origin }: TimedStage, axis: Axis): Html {
  const { root, seconds, phases, startedOn, finishedOn } = run;
  const from = axis.at(startedOn) / axis.seconds;
  const bar =
    origin.from === "run"
      ? html`<span
          class="bar"
          style="left:${percent(from)};width:${percent(axis.at(finishedOn) / axis.seconds - from)}"
          >${phases.map(
            (phase) =>
              html`<i
                style="flex-grow:${phase.seconds}"
                title="${phase.name}: ${formatSeconds(phase.seconds)}"
              ></i>`,
          )}</span
        >`
      : html`<span class="stored">from the store, made ${finishedOn.slice(0, 10)}</span>`;
  return html`<details>
    <summary>
      <span class="stage">${root}</span><span class="track">${bar}</span
      ><span class="took">${formatSeconds(seconds)}</span>
    </summary>
    <div class="phases">
      <p>
        <b>${origin.from === "run" ? "Ran" : "From the store"}</b>:
        ${origin.why || "its inputs changed"}. Finished ${dateTime(finishedOn)}.
      </p>
      ${
        phases.length > 0 &&
        bars(
          phases.map((phase) => ({
            name: phase.name,
            value: phase.seconds,
            text: formatSeconds(phase.seconds),
          })),
        )
      }
    </div>
  </details>`;
}
