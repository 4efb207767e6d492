import type { ImageIdentity } from "../../plan/imageIdentity";
import type { check, Status } from "../../plan/stages/check";
import type { ResultOf } from "../../plan/stages/contract";
import type { smoke } from "../../plan/stages/smoke";
import { counted, formatSize } from "../../plan/units";
import type { PackageFiles } from "../../plan/packageFiles";
import type { PackageList } from "../../plan/packages";
import type { PackageChanges } from "../packages";
import type { Provenance } from "../provenance";
import type { RemovedPath } from "../removed";
import type { StepRun } from "../steps";
import { type Boot, boots } from "./boots";
import { checks, countOf } from "./checks";
import { changes, packageTable, sizes } from "./contents";
import { frame } from "./frame";
import { dateTime, digest, html, type Html } from "./html";
import { generalised } from "./generalised";
import { origin } from "./origin";
import { otherFiles } from "./packageFiles";
import { bootPill, facts as factList, signaturePill } from "./parts";
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

/** The report: one HTML page that needs nothing but itself. */
export function renderReport(facts: ReportFacts): string {
  const { stages, check, smoke, packages } = facts;
  return frame(
    `${facts.stack}: image ${facts.image.sha256.slice(0, 12)}`,
    html`${head(facts)}
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
      </footer>`,
    "script.js",
  );
}

function head(facts: ReportFacts): Html {
  const { image, check, smoke, packages, formats } = facts;
  const count = (status: Status) => countOf(check, status);
  const [passed, waived, open] = [count("passed"), count("waived"), count("not checked")];
  return html`<header>
    <p class="eyebrow">kragle · stack ${facts.stack}</p>
    <h1>${packages.distribution?.prettyName || "Machine image"}</h1>
    <p class="pills">
      ${bootPill(smoke?.passed ? (smoke.boots.first?.seconds ?? {}) : undefined)}
      <span class="pill ${check.passed ? "good" : "warn"}"
        >${counted(passed, "rule holds", "rules hold")}</span
      >
      ${waived > 0 && html`<span class="pill warn">${waived} waived</span>`}
      ${open > 0 && html`<span class="pill warn">${open} not checked</span>`}
      ${signaturePill(facts.signer !== undefined)}
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
