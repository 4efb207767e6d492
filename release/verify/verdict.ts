import { counted } from "../../plan/units";
import type { FileState } from "./files";

/** One thing that was verified; a warning does not make the release a bad one. */
export interface Check {
  readonly name: string;
  readonly state: "ok" | "warning" | "failed";
  readonly detail: string;
}

interface Verified {
  readonly checks: readonly Check[];
  readonly files: readonly FileState[];
  readonly signature: { readonly check: Pick<Check, "state">; readonly signer?: string };
}

/** Whether a release is good, and the one sentence that says so. */
export function verdictOf({ checks, files, signature }: Verified): {
  good: boolean;
  verdict: string;
} {
  const having = (...states: FileState["state"][]) =>
    files.filter(({ state }) => states.includes(state)).length;
  const broken = checks.filter(({ state }) => state === "failed").length;
  const wrong = having("altered", "missing", "added");
  const [whole, left, unread] = [having("ok"), having("left out"), having("not read")];
  if (broken + wrong + unread > 0) {
    const problems = [
      ...(broken > 0 ? [counted(broken, "check failed", "checks failed")] : []),
      ...(wrong > 0 ? [`${counted(wrong, "file is", "files are")} altered, missing or added`] : []),
      ...(unread > 0 ? [`${counted(unread, "file was", "files were")} not read`] : []),
    ];
    return {
      good: false,
      verdict: `NOT verified: ${problems.join(", ")}; ${counted(whole, "file is", "files are")} right`,
    };
  }
  const { signer, check } = signature;
  const by =
    signer === undefined
      ? "which nobody signed"
      : check.state === "ok"
        ? `signed by ${signer}, which is trusted`
        : `signed by ${signer}, and nothing says whose key that is`;
  const absent = left > 0 ? ` (${left} more were not published)` : "";
  return { good: true, verdict: `verified: ${counted(whole, "file")}${absent}, ${by}` };
}
