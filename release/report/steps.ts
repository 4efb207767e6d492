import { formatSeconds } from "../../plan/units";
import type { StepRun } from "../steps";
import { printed } from "./boots";
import { digest, html, type Html } from "./html";
import { row, section, table } from "./parts";

/** What the user's steps were, how long each took, and what it printed. */
export function steps(all: readonly StepRun[]): Html {
  const title = "What your steps did";
  if (all.length === 0) {
    return section("steps", title, html`<p class="note">The image has no steps of yours.</p>`);
  }
  const rows = all.map((step, index) =>
    row(index + 1, step.title, step.kind, digest(step.sha256), took(step)),
  );
  const spoke = all.flatMap((step, index) => (step.output === "" ? [] : [{ step, index }]));
  return section(
    "steps",
    title,
    html`${table("Steps", ["", "Step", "Kind", "SHA-256", "Took"], rows)}
    ${spoke.map(({ step, index }) =>
      printed(html`<b>Step ${index + 1}</b> <code>${step.title}</code>`, step.title, step.output),
    )}`,
    "A digest is of all that a step's result depends on, its files among it. Secrets are masked in what it printed.",
  );
}

const took = ({ seconds }: StepRun) =>
  seconds === null ? "kept from an earlier build" : formatSeconds(seconds);
