import type { RemovedPath } from "../removed";
import { html, type Html } from "./html";
import { row, section, table } from "./parts";

/** What was taken away before the image was finished; first what a script had made and nothing makes again. */
export function generalised(removed: readonly RemovedPath[]): Html {
  const scripts = removed.filter(({ why, script }) => why !== "trace" && script !== "");
  const rest = removed.filter((one) => !scripts.includes(one));
  const list = (label: string, paths: readonly RemovedPath[]) =>
    table(
      label,
      ["Path", "Was", "As", "Last changed by"],
      paths.map(({ path, done, why, script }) => row(path, done, why, script)),
    );
  return section(
    "removed",
    "What generalisation took away",
    html`${scripts.length > 0 && list("Made by scripts", scripts)}
    ${
      rest.length > 0 &&
      html`<details>
        <summary><span>${rest.length} other paths</span></summary>
        ${list("Others", rest)}
      </details>`
    }`,
    scripts.length === 0
      ? "Nothing that a script had made, but for logs, caches and the like."
      : "A script keeps a path by writing it into the file that KRAGLE_KEEP names.",
  );
}
