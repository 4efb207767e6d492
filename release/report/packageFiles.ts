import { countStates, type PackageFile, type PackageFiles } from "../../plan/packageFiles";
import { counted, formatSize } from "../../plan/units";
import { FILE_LIST } from "../layout";
import { html, type Html } from "./html";
import { row, section, table } from "./parts";

/** Files that the page names, the most telling first; all of them are in the evidence. */
const SHOWN = 100;

const ORDER: readonly PackageFile["state"][] = ["changed", "unread", "unowned", "configured"];

/** How much of a digest tells files apart. */
const DIGITS = 12;

/** What is in the image besides what its packages brought. */
export function otherFiles(files: PackageFiles): Html {
  const title = "What no package accounts for";
  if (files === null) {
    const text = "The image has no package database that kragle can read: nothing was compared.";
    return section("files", title, html`<p class="note">${text}</p>`);
  }
  const counts = countStates(files);
  const rank = ({ state }: PackageFile) => ORDER.indexOf(state);
  const own = files.filter(({ state }) => state !== "derived");
  const first = own.toSorted((a, b) => rank(a) - rank(b) || b.bytes - a.bytes).slice(0, SHOWN);
  const rest = own.length - first.length;
  return section(
    "files",
    title,
    html`<details>
      <summary>
        <span>${rest > 0 ? `The first ${SHOWN}` : "All"}</span>
        <span class="count">${counted(own.length, "file")}</span>
      </summary>
      ${table(
        "Files that no package accounts for",
        ["", "File", "Package", "Size", "SHA-256"],
        first.map((file) =>
          row(
            file.state,
            file.path,
            file.package,
            formatSize(file.bytes),
            file.sha256 && html`<code>${file.sha256.slice(0, DIGITS)}</code>`,
          ),
        ),
      )}
      ${rest > 0 && html`<p class="note">The other ${rest} are in ${FILE_LIST} only.</p>`}
    </details>`,
    html`${counts.unowned} files belong to no package, ${counts.changed} differ from what their
    package brought, ${counts.configured} configuration files were changed, ${counts.unread} could
    not be compared. ${counts.derived} copies of packages' files and Python caches are left out
    here. All with their digests: ${FILE_LIST}.`,
  );
}
