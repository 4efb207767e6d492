import { formatSize } from "../../plan/units";
import type { PackageList } from "../../plan/packages";
import type { PackageChanges } from "../packages";
import { dateTime, digest, html, type Html } from "./html";
import { bars, row, searchBox, section, table } from "./parts";

const SHOWN = 12;

/** What takes the space: packages by the package database, folders by their files. */
export function sizes(
  { packages }: PackageList,
  folders: readonly { readonly path: string; readonly bytes: number }[],
): Html {
  const largest = packages
    .map(({ name, installedBytes }) => ({ name, bytes: installedBytes }))
    .sort((a, b) => b.bytes - a.bytes);
  const second = folders
    .filter(({ path }) => path.split("/").length === 3)
    .map(({ path, bytes }) => ({ name: path, bytes }));
  return section(
    "sizes",
    "What takes the space",
    html`<div class="split">${chart("Packages", largest)}${chart("Folders", second)}</div>`,
    "Installed sizes, uncompressed.",
  );
}

function chart(title: string, entries: readonly { name: string; bytes: number }[]): Html {
  const rest = entries.slice(SHOWN);
  const sum = (list: typeof rest) => formatSize(list.reduce((all, { bytes }) => all + bytes, 0));
  return html`<div>
    <h3>${title} <small>${sum([...entries])}</small></h3>
    ${bars(
      entries
        .slice(0, SHOWN)
        .map(({ name, bytes }) => ({ name, value: bytes, text: formatSize(bytes) })),
    )}
    ${rest.length > 0 && html`<p class="note">and ${rest.length} more with ${sum(rest)}</p>`}
  </div>`;
}

/** The bill of materials as a table that can be searched and sorted. */
export function packageTable(list: PackageList): Html {
  const { packages } = list;
  const licensed = packages.some(({ license }) => license !== null);
  const heads = ["Package", "Version", "Architecture", "Source", "Size"];
  const rows = packages.map(
    (one) =>
      html`<tr>
        <td>${one.name}</td>
        <td>${one.version}</td>
        <td>${one.architecture}</td>
        <td>${one.source}</td>
        <td class="number" data-sort="${one.installedBytes}">${formatSize(one.installedBytes)}</td>
        ${licensed && html`<td class="licence">${one.license}</td>`}
      </tr>`,
  );
  return section(
    "packages",
    "What is in it",
    html`<div data-table>
      ${searchBox("find-package", "package, version or source")}
      ${table(
        "Packages",
        [
          ...heads.map((head) => html`<button type="button">${head}</button>`),
          ...(licensed ? [html`<button type="button" class="licence">Licence</button>`] : []),
        ],
        rows,
      )}
    </div>`,
    list.ecosystem === null
      ? "The image has no package database that kragle can read."
      : `${packages.length} packages, by the image's own database (${list.distribution?.prettyName ?? list.ecosystem}). For programs: sbom.cdx.json.`,
  );
}

/** What came, went and changed since the release before. */
export function changes(found: PackageChanges): Html {
  const { added, removed, changed, previousImageSha256, previousReleasedAt } = found;
  if (previousImageSha256 === null) {
    const text = "This is the first release in this folder.";
    return section("changes", "What changed", html`<p class="note">${text}</p>`);
  }
  const pill = (text: string, kind = "") => html`<span class="pill ${kind}">${text}</span>`;
  const rows = [
    ...changed.map(({ name, from, to }) =>
      row(pill("changed"), name, html`${from} → <b>${to}</b>`),
    ),
    ...added.map(({ name, version }) => row(pill("added", "good"), name, version)),
    ...removed.map(({ name, version }) => row(pill("removed", "bad"), name, version)),
  ];
  return section(
    "changes",
    "What changed",
    rows.length === 0
      ? html`<p class="note">The same packages in the same versions.</p>`
      : table("Changes", ["", "Package", "Version"], rows),
    html`Since image
    ${digest(previousImageSha256)}${previousReleasedAt && html`, released ${dateTime(previousReleasedAt)}`}:
    ${changed.length} changed, ${added.length} added, ${removed.length} removed.`,
  );
}
