import { formatSize } from "../../../plan/units";
import type { PackageChanges, PackageList } from "../packages";
import { dateTime, digest, html, type Html, share, section } from "./html";

const SHOWN = 12;

/** What takes the room: packages by the package database, folders by their files. */
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
    "What takes the room",
    html`<div class="split">${chart("Packages", largest)}${chart("Folders", second)}</div>`,
    "Installed sizes, uncompressed.",
  );
}

function chart(title: string, entries: readonly { name: string; bytes: number }[]): Html {
  const shown = entries.slice(0, SHOWN);
  const rest = entries.slice(SHOWN);
  const sum = (list: readonly { bytes: number }[]) =>
    list.reduce((all, { bytes }) => all + bytes, 0);
  const most = shown[0]?.bytes || 1;
  return html`<div>
    <h3>${title} <small>${formatSize(sum(entries))}</small></h3>
    <dl class="bars">
      ${shown.map(
        ({ name, bytes }) =>
          html`<div>
            <dt>${name}</dt>
            <dd><span style="--share:${share(bytes / most)}"></span><b>${formatSize(bytes)}</b></dd>
          </div>`,
      )}
    </dl>
    ${rest.length > 0 && html`<p class="note">and ${rest.length} more with ${formatSize(sum(rest))}</p>`}
  </div>`;
}

/** The bill of materials as a table that can be searched and sorted. */
export function packageTable(list: PackageList): Html {
  const { packages } = list;
  const licensed = packages.some(({ license }) => license !== null);
  const heads = ["Package", "Version", "Architecture", "Source", ...(licensed ? ["Licence"] : [])];
  return section(
    "packages",
    "What is in it",
    html`<div data-table>
      <div class="tools">
        <label for="find-package">Search</label
        ><input
          id="find-package"
          type="search"
          placeholder="package, version or source"
          autocomplete="off"
          spellcheck="false"
        /><output for="find-package"></output>
      </div>
      <div class="scroll" tabindex="0" role="region" aria-label="Packages">
        <table>
          <thead>
            <tr>
              ${heads.map(
                (head) => html`<th scope="col"><button type="button">${head}</button></th>`,
              )}
              <th scope="col" class="number"><button type="button">Size</button></th>
            </tr>
          </thead>
          <tbody>
            ${packages.map(
              (one) =>
                html`<tr>
                  <td>${one.name}</td>
                  <td>${one.version}</td>
                  <td>${one.architecture}</td>
                  <td>${one.source}</td>
                  ${licensed && html`<td>${one.license}</td>`}
                  <td class="number" data-sort="${one.installedBytes}">
                    ${formatSize(one.installedBytes)}
                  </td>
                </tr>`,
            )}
          </tbody>
        </table>
      </div>
    </div>`,
    list.ecosystem === null
      ? "The image has no package database that kragle can read."
      : `${packages.length} packages, by the image's own database (${list.distribution?.prettyName ?? list.ecosystem}). For programs: sbom.cdx.json.`,
  );
}

/** What came, went and changed since the release before. */
export function changes(found: PackageChanges): Html {
  if (found.previousImageSha256 === null) {
    const text = "This is the first release in this folder.";
    return section("changes", "What changed", html`<p class="note">${text}</p>`);
  }
  const { added, removed, changed, previousReleasedAt } = found;
  const versions = (entries: typeof added, sign: string, kind: string) =>
    entries.map(
      ({ name, version }) =>
        html`<tr>
          <td><span class="pill ${kind}">${sign}</span></td>
          <td>${name}</td>
          <td>${version}</td>
        </tr>`,
    );
  const rows = [
    ...changed.map(
      ({ name, from, to }) =>
        html`<tr>
          <td><span class="pill">changed</span></td>
          <td>${name}</td>
          <td>${from} → <b>${to}</b></td>
        </tr>`,
    ),
    ...versions(added, "added", "good"),
    ...versions(removed, "removed", "bad"),
  ];
  return section(
    "changes",
    "What changed",
    rows.length === 0
      ? html`<p class="note">The same packages in the same versions.</p>`
      : html`<div class="scroll" tabindex="0" role="region" aria-label="Changes">
          <table>
            <thead>
              <tr>
                <th scope="col"></th>
                <th scope="col">Package</th>
                <th scope="col">Version</th>
              </tr>
            </thead>
            <tbody>
              ${rows}
            </tbody>
          </table>
        </div>`,
    html`Since image
    ${digest(found.previousImageSha256)}${previousReleasedAt && html`, released ${dateTime(previousReleasedAt)}`}:
    ${changed.length} changed, ${added.length} added, ${removed.length} removed.`,
  );
}
