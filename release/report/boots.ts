import type { ResultOf } from "../../plan/stages/contract";
import type { BootFacts, PassedTest, smoke } from "../../plan/stages/smoke";
import { formatSeconds, formatSize } from "../../plan/units";
import { html, type Html } from "./html";
import { bars, searchBox, section } from "./parts";

/** One boot, with what is shown of it. */
export interface Boot extends BootFacts {
  readonly name: string;
  /** Content of the serial log. */
  readonly log?: string;
  /** The screen as a PNG in base64. */
  readonly screen?: string;
  /** What each of the user's tests printed. */
  readonly outputs?: readonly (string | undefined)[];
}

const TITLES: Readonly<Record<string, string>> = {
  first: "First boot",
  second: "Second boot, the same disk",
  sibling: "Another machine made from the image",
};

/** The proof by boot: seconds to each rung, the screen, and the console to search in. */
export function boots(facts: ResultOf<typeof smoke> | undefined, all: readonly Boot[]): Html {
  if (!facts) {
    return section("boots", "How it boots", html`<p class="pill warn">nothing was booted</p>`);
  }
  const { driver, accelerator } = facts;
  const how = accelerator === "tcg" ? "software emulation, which is slow" : accelerator;
  return section(
    "boots",
    "How it boots",
    html`${all.map(boot)}`,
    `Booted untouched from a throw-away overlay by ${driver}, with ${how}.`,
  );
}

function boot(one: Boot): Html {
  const { name, seconds, firmware, complaints, screen, log, seed, diskBytes, rootBytes } = one;
  const rungs = Object.entries(seconds)
    .sort(([, a], [, b]) => a - b)
    .map(([rung, at]) => ({ name: rung, value: at, text: formatSeconds(at) }));
  const facts = [
    `firmware ${firmware.toUpperCase()}`,
    seed && `cloud-init: ${seed}`,
    diskBytes && `disk of ${formatSize(diskBytes)}`,
    rootBytes && `root grew to ${formatSize(rootBytes)}`,
  ].filter(Boolean);
  return html`<article class="boot">
    <h3>${TITLES[name] ?? name}</h3>
    ${facts.length > 0 && html`<p class="note">${facts.join(" · ")}</p>`}
    <div class="split">
      <div class="rungs">${bars(rungs)}</div>
      ${
        screen &&
        html`<figure>
          <img src="data:image/png;base64,${screen}" alt="The guest's screen when the system ran" />
          <figcaption>The screen when the system ran</figcaption>
        </figure>`
      }
    </div>
    ${
      complaints.length > 0 &&
      html`<p><b>The system runs, but:</b></p>
        <ul>
          ${complaints.map((text) => html`<li><code>${text}</code></li>`)}
        </ul>`
    }
    ${(one.tests ?? []).map((test, index) => userTest(test, one.outputs?.[index]))}
    ${log !== undefined && console_(name, log)}
  </article>`;
}

function userTest({ script, args, seconds }: PassedTest, output = ""): Html {
  const title = html`<b>Your test</b> <code>${[script, ...args].join(" ")}</code>
    <span class="pill good">passed in ${formatSeconds(seconds)}</span>`;
  if (output.trim() === "") return html`<p>${title}, without a word</p>`;
  return printed(title, script, output);
}

/** What a program printed, to be opened. @param name of the program, for those who cannot see the page */
export function printed(title: Html, name: string, output: string): Html {
  const lines = plain(output).split("\n");
  const shown = lines.slice(-LOG_LINES);
  const left = lines.length - shown.length;
  return html`<details class="log">
    <summary>${title}</summary>
    ${left > 0 && html`<p class="note">The first ${left} lines are left out here.</p>`}
    <ol class="lines" start="${left + 1}" tabindex="0" aria-label="Output of ${name}">
      ${shown.map((line) => html`<li>${line}</li>`)}
    </ol>
  </details>`;
}

/** Lines of a log that the page shows; more would make it slow to open. The whole log is a file of the release. */
const LOG_LINES = 4000;

function console_(name: string, log: string): Html {
  const lines = plain(log).split("\n");
  const shown = lines.slice(-LOG_LINES);
  const left = lines.length - shown.length;
  return html`<details class="log" data-log>
    <summary>Serial console, ${lines.length} lines</summary>
    ${searchBox(`log-${name}`, "text on the console")}
    ${left > 0 && html`<p class="note">The first ${left} lines are in the file only.</p>`}
    <ol class="lines" start="${left + 1}" tabindex="0" aria-label="Lines of the console">
      ${shown.map((line) => html`<li>${line}</li>`)}
    </ol>
  </details>`;
}

/** What a terminal would show: no escape sequences, no carriage returns, no other control characters. */
export function plain(log: string): string {
  return (
    log
      .replace(/\r+\n/g, "\n")
      // CSI, OSC and two-character sequences: ECMA-48
      // oxlint-disable-next-line no-control-regex
      .replace(/\x1b(?:\[[0-?]*[ -/]*[@-~]|\][^\x07\x1b]*(?:\x07|\x1b\\)?|[ -/]*[0-~])/g, "")
      .replace(/[^\n]*\r(?=[^\n])/g, "")
      // oxlint-disable-next-line no-control-regex
      .replace(/[\x00-\x08\x0b-\x1f\x7f]/g, "")
      .replace(/\n+$/, "")
  );
}
