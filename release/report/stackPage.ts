import type { ResultOf } from "../../plan/stages/contract";
import type { release } from "../../plan/stages/release";
import { counted, formatSize } from "../../plan/units";
import { frame } from "./frame";
import { dateTime, digest, html, type Html } from "./html";
import { bootPill, row, signaturePill, table } from "./parts";

/** What of a release stands in the row of its image. */
export type ReleasedImage = Pick<
  ResultOf<typeof release>,
  | "imageSha256"
  | "imageBytes"
  | "imageVirtualBytes"
  | "imageVersion"
  | "conversions"
  | "smoke"
  | "packages"
  | "releasedAt"
  | "signer"
>;

/** One image of a stack. Whatever text it has may come from a file: it is escaped. */
export interface StackRow {
  readonly name: string;
  /** The images that it is made on by what the stack has; several where those are alike. */
  readonly on: readonly string[];
  /** Address of its release's own page, as a link from this one; undefined where there is none. */
  readonly page: string | undefined;
  /** Its last release, or why there is nothing to tell of it. */
  readonly release: ReleasedImage | string;
}

const HEADS = [
  "Image",
  "Version",
  "Released",
  "File",
  "Disk",
  "Packages",
  "Boot",
  "Formats",
  "Signature",
  "SHA-256",
];

/** The report of a stack with several images: one page with a row for each, which leads to its release's own. */
export function renderStackPage(stack: string, rows: readonly StackRow[]): string {
  const released = rows.filter(({ release }) => typeof release !== "string").length;
  return frame(
    `${stack}: ${counted(rows.length, "image")}`,
    html`<header>
        <p class="eyebrow">kragle · stack ${stack}</p>
        <h1>${counted(rows.length, "image")}</h1>
        <p class="pills">
          <span class="pill ${released > 0 ? "good" : ""}">${released} released</span>
          ${released < rows.length && html`<span class="pill warn">${rows.length - released} without a release</span>`}
        </p>
      </header>
      <main>
        <section aria-label="Images">${table("Images", HEADS, rows.map(imageRow))}</section>
      </main>
      <footer>
        Made by kragle of what stack ${stack} released last. Each image leads to the page of its
        release; this one is part of none, and nobody has signed it.
      </footer>`,
  );
}

function imageRow({ name, on, page, release }: StackRow): Html {
  const image = html`${page === undefined ? name : html`<a href="${page}">${name}</a>`}${
    on.length > 0 && html` <small>on ${on.join(", ")}</small>`
  }`;
  if (typeof release === "string") {
    return html`<tr>
      <td>${image}</td>
      <td colspan="${HEADS.length - 1}"><span class="note">${release}</span></td>
    </tr>`;
  }
  const { imageBytes, imageVirtualBytes, conversions, smoke } = release;
  return row(
    image,
    release.imageVersion,
    dateTime(release.releasedAt),
    formatSize(imageBytes),
    formatSize(imageVirtualBytes),
    release.packages,
    bootPill(smoke.passed ? smoke.seconds : undefined),
    ["qcow2", ...Object.keys(conversions)].join(", "),
    signaturePill(release.signer !== null),
    digest(release.imageSha256),
  );
}
