import { createHash } from "node:crypto";
import { readFileSync } from "node:fs";
import { join } from "node:path";

import type { ImageIdentity } from "../../plan/imageIdentity";
import type { check, Status } from "../../plan/stages/check";
import type { ResultOf } from "../../plan/stages/contract";
import type { smoke } from "../../plan/stages/smoke";
import { counted, formatSeconds, formatSize } from "../../plan/units";
import type { PackageFiles } from "../../plan/packageFiles";
import type { PackageList } from "../../plan/packages";
import type { PackageChanges } from "../packages";
import type { Provenance } from "../provenance";
import type { RemovedPath } from "../removed";
import type { StepRun } from "../steps";
import { type Boot, boots } from "./boots";
import { checks, countOf } from "./checks";
import { changes, packageTable, sizes } from "./contents";
import { dateTime, digest, html, Html } from "./html";
import { generalised } from "./generalised";
import { origin } from "./origin";
import { otherFiles } from "./packageFiles";
import { facts as factList } from "./parts";
import { steps } from "./steps";
import { type TimedStage, timeline } from "./timeline";

/** Everything that a report tells. Whatever text it has may come from the image: it is escaped. */
export interface ReportFacts {
  readonly stack: string;
  readonly releasedAt: string;
  readonly image: {
    readonly sha256: string;
    readonly bytes: number;
    readonly virtualBytes: number;
  } & ImageIdentity;
  /** Names of the settings that are not as they are by default. */
  readonly changed: readonly string[];
  readonly formats: readonly string[];
  readonly accelerator: string;
  /** Fingerprint; undefined where the release is not signed. */
  readonly signer: string | undefined;
  readonly stages: readonly TimedStage[];
  /** The user's steps in the image. */
  readonly steps: readonly StepRun[];
  readonly check: ResultOf<typeof check>;
  readonly smoke: ResultOf<typeof smoke> | undefined;
  readonly boots: readonly Boot[];
  readonly removed: readonly RemovedPath[];
  readonly packages: PackageList;
  readonly packageFiles: PackageFiles;
  readonly changes: PackageChanges;
  readonly provenance: Provenance;
}

const SECTIONS = [
  ["timeline", "Making"],
  ["steps", "Steps"],
  ["checks", "Checks"],
  ["removed", "Generalised"],
  ["boots", "Boots"],
  ["sizes", "Sizes"],
  ["changes", "Changes"],
  ["packages", "Packages"],
  ["files", "Files"],
  ["provenance", "Provenance"],
] as const;

const asset = (name: string) => readFileSync(join(__dirname, name), "utf8");

/** An element with exactly this text: the page's policy names the script by its digest, in which every byte counts. */
const element = (name: string, text: string) => new Html(`<${name}>${text}</${name}>`);

/** The report: one HTML page that needs nothing but itself. */
export function renderReport(facts: ReportFacts): string {
  const [style, script] = [asset("style.css"), asset("script.js")];
  // nothing is fetched, and no script runs but the page's own, even if something had not been escaped
  const hash = createHash("sha256").update(script).digest("base64");
  const policy = `default-src 'none'; img-src data:; style-src 'unsafe-inline'; script-src 'sha256-${hash}'`;
  const { stages, check, smoke, packages } = facts;
  const page = html`<!doctype html>
    <html lang="en">
      <head>
        <meta charset="utf-8" />
        <meta http-equiv="Content-Security-Policy" content="${policy}" />
        <meta name="viewport" content="width=device-width, initial-scale=1" />
        <link rel="icon" href="data:," />
        <title>${facts.stack}: image ${facts.image.sha256.slice(0, 12)}</title>
        ${element("style", style)}
      </head>
      <body>
        ${head(facts)}
        <nav aria-label="Sections">
          <ul>
            ${SECTIONS.map(([id, title]) => html`<li><a href="#${id}">${title}</a></li>`)}
          </ul>
        </nav>
        <main>
          ${timeline(stages)} ${steps(facts.steps)} ${checks(check)} ${generalised(facts.removed)}
          ${boots(smoke, facts.boots)} ${sizes(packages, check.folders)} ${changes(facts.changes)}
          ${packageTable(packages)} ${otherFiles(facts.packageFiles)}
          ${origin(facts.provenance, facts)}
        </main>
        <footer>
          Made by kragle, version ${facts.provenance.predicate.runDetails.builder.version.kragle}.
          This page is part of the release; everything in it is in the files beside it.
        </footer>
        ${element("script", script)}
      </body>
    </html> `;
  return page.text;
}

function head(facts: ReportFacts): Html {
  const { image, check, smoke, packages, formats } = facts;
  const rungs = smoke?.boots.first?.seconds;
  const up = rungs?.running ?? rungs?.login;
  const count = (status: Status) => countOf(check, status);
  const [passed, waived, open] = [count("passed"), count("waived"), count("not checked")];
  return html`<header>
    <p class="eyebrow">kragle · stack ${facts.stack}</p>
    <h1>${packages.distribution?.prettyName || "Machine image"}</h1>
    <p class="pills">
      ${smoke?.passed ? html`<span class="pill good">boots${up !== undefined && ` in ${formatSeconds(up)}`}</span>` : html`<span class="pill warn">not booted</span>`}
      <span class="pill ${check.passed ? "good" : "warn"}"
        >${counted(passed, "rule holds", "rules hold")}</span
      >
      ${waived > 0 && html`<span class="pill warn">${waived} waived</span>`}
      ${open > 0 && html`<span class="pill warn">${open} not checked</span>`}
      <span class="pill ${facts.signer ? "good" : ""}"
        >${facts.signer ? "signed" : "not signed"}</span
      >
    </p>
    ${factList([
      ["Image", digest(image.sha256)],
      ["Version", `${image.imageId} ${image.imageVersion}`],
      ["Build", image.buildId],
      ["Released", dateTime(facts.releasedAt)],
      ["Size", `${formatSize(image.bytes)}, disk of ${formatSize(image.virtualBytes)}`],
      ["Formats", ["qcow2", ...formats].join(", ")],
      ["Packages", packages.packages.length],
      ["Built with", facts.accelerator === "tcg" ? "software emulation" : facts.accelerator],
    ])}
  </header>`;
}
