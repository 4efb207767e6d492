import { formatSeconds } from "../../plan/units";
import { html, type Html } from "./html";

/** What a cell or a value may be. */
type Content = Html | string | number | null;

/** A section of the page. */
export const section = (id: string, title: string, body: Html, lead: Html | string = "") =>
  html`<section id="${id}" aria-labelledby="${id}-title">
    <h2 id="${id}-title">${title}</h2>
    ${lead && html`<p class="lead">${lead}</p>`} ${body}
  </section>`;

/** A table that scrolls by itself, also by keyboard; `heads` may be buttons that sort. */
export const table = (label: string, heads: readonly Content[], rows: readonly Html[]) =>
  html`<div class="scroll" tabindex="0" role="region" aria-label="${label}">
    <table>
      <thead>
        <tr>
          ${heads.map((head) => html`<th scope="col">${head}</th>`)}
        </tr>
      </thead>
      <tbody>
        ${rows}
      </tbody>
    </table>
  </div>`;

export const row = (...cells: readonly Content[]) =>
  html`<tr>
    ${cells.map((cell) => html`<td>${cell}</td>`)}
  </tr>`;

/** What `script.js` makes a search in the nearest `[data-table]` or `[data-log]`. */
export const searchBox = (id: string, placeholder: string) =>
  html`<div class="tools">
    <label for="${id}">Search</label
    ><input
      id="${id}"
      type="search"
      placeholder="${placeholder}"
      autocomplete="off"
      spellcheck="false"
    /><output for="${id}"></output>
  </div>`;

export interface Bar {
  readonly name: string;
  readonly value: number;
  /** The value in words. */
  readonly text: string;
}

/** Bars by value; the longest takes the whole width. */
export function bars(entries: readonly Bar[]): Html {
  const most = Math.max(...entries.map(({ value }) => value), 0) || 1;
  return html`<dl class="bars">
    ${entries.map(
      ({ name, value, text }) =>
        html`<div>
          <dt>${name}</dt>
          <dd><span style="--share:${(value / most).toFixed(4)}"></span><b>${text}</b></dd>
        </div>`,
    )}
  </dl>`;
}

/** Names and values, in as many columns as fit. */
export const facts = (entries: readonly (readonly [string, Content])[]) =>
  html`<dl class="facts">
    ${entries.map(
      ([name, value]) =>
        html`<div>
          <dt>${name}</dt>
          <dd>${value}</dd>
        </div>`,
    )}
  </dl>`;

/** @param seconds to each rung of the boot that proved the image; undefined where none did */
export function bootPill(seconds: Readonly<Record<string, number>> | undefined): Html {
  if (!seconds) return html`<span class="pill warn">not booted</span>`;
  const up = seconds.running ?? seconds.login;
  return html`<span class="pill good"
    >boots${up !== undefined && ` in ${formatSeconds(up)}`}</span
  >`;
}

export const signaturePill = (isSigned: boolean) =>
  html`<span class="pill ${isSigned && "good"}">${isSigned ? "signed" : "not signed"}</span>`;
