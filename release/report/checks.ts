import type { check, Finding, Status } from "../../plan/stages/check";
import type { ResultOf } from "../../plan/stages/contract";
import { html, type Html } from "./html";
import { section } from "./parts";

type CheckFacts = ResultOf<typeof check>;

/** What needs attention first. */
const ORDER: readonly Status[] = ["failed", "not checked", "waived", "passed", "not applicable"];
const KIND: Readonly<Partial<Record<Status, string>>> = {
  passed: "good",
  failed: "bad",
  waived: "warn",
  "not checked": "warn",
};

export function countOf({ rules }: CheckFacts, status: Status): number {
  return rules.filter((rule) => rule.status === status).length;
}

/** Every rule that the image was judged by; what is not as it should be stands first, with the user's reasons. */
export function checks(facts: CheckFacts): Html {
  const rank = ({ status }: Finding) => ORDER.indexOf(status);
  const areas = Map.groupBy(facts.rules, (rule) => rule.area);
  const notable = facts.rules
    .filter(({ status }) => !["passed", "not applicable"].includes(status))
    .sort((a, b) => rank(a) - rank(b));
  const counts = ORDER.map((status) => [status, countOf(facts, status)] as const);
  return section(
    "checks",
    "What was checked",
    html`<p class="pills">
        ${counts
          .filter(([, count]) => count > 0)
          .map(
            ([status, count]) =>
              html`<span class="pill ${KIND[status] ?? ""}">${count} ${status}</span>`,
          )}
      </p>
      ${
        notable.length > 0 &&
        html`<ul class="rules notable">
          ${notable.map(rule)}
        </ul>`
      }
      <div class="areas">
        ${[...areas].map(
          ([area, rules]) =>
            html`<details>
              <summary><span>${area}</span><span class="count">${summary(rules)}</span></summary>
              <ul class="rules">
                ${rules.map(rule)}
              </ul>
            </details>`,
        )}
      </div>`,
    "The finished file was read offline, without booting it.",
  );
}

function summary(rules: readonly Finding[]): string {
  const holding = rules.filter(({ status }) => status === "passed").length;
  const applying = rules.filter(({ status }) => status !== "not applicable").length;
  return `${holding} of ${applying}`;
}

function rule({ id, asserts, reason, source, status, detail, waiver }: Finding): Html {
  return html`<li class="${KIND[status] ?? ""}">
    <div><b>${asserts}</b> <span class="pill ${KIND[status] ?? ""}">${status}</span></div>
    ${detail && html`<p>${detail}</p>`}
    ${waiver && html`<p class="waiver"><b>Waived</b>: ${waiver}</p>`}
    <p class="note"><code>${id}</code> ${reason} (${source})</p>
  </li>`;
}
