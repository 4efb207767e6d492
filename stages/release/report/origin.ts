import type { Provenance } from "../provenance";
import { dateTime, digest, html, type Html, section } from "./html";

/** Where the image comes from: settings, inputs, tools; and how a stranger checks it. */
export function origin({ subject, predicate }: Provenance, signer: string | undefined): Html {
  const { externalParameters, resolvedDependencies } = predicate.buildDefinition;
  const { builder, metadata } = predicate.runDetails;
  const settings = Object.entries(externalParameters.settings);
  const table = (label: string, heads: readonly string[], rows: readonly Html[]) =>
    html`<div class="scroll" tabindex="0" role="region" aria-label="${label}">
      <table>
        <thead>
          <tr>
            ${heads.map((head) => html`<th scope="col">${head}</th>`)}
          </tr>
        </thead>
        <tbody>
          ${rows}
        </tbody>
      </table>
    </div>`;
  const given = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));
  return section(
    "provenance",
    "Where it comes from",
    html`<dl class="facts">
        <div>
          <dt>Begun</dt>
          <dd>${dateTime(metadata.startedOn)}</dd>
        </div>
        <div>
          <dt>Released</dt>
          <dd>${dateTime(metadata.finishedOn)}</dd>
        </div>
        ${Object.entries(builder.version).map(
          ([tool, version]) =>
            html`<div>
              <dt>${tool}</dt>
              <dd>${version}</dd>
            </div>`,
        )}
        <div>
          <dt>Run</dt>
          <dd><code>${metadata.invocationId}</code></dd>
        </div>
      </dl>
      <h3>Files</h3>
      ${table(
        "Files",
        ["Name", "SHA-256"],
        subject.map(
          ({ name, digest: { sha256 } }) =>
            html`<tr>
              <td>${name}</td>
              <td><code>${sha256}</code></td>
            </tr>`,
        ),
      )}
      <details>
        <summary>${settings.length} settings</summary>
        ${table(
          "Settings",
          ["Setting", "Value"],
          settings.map(
            ([name, value]) =>
              html`<tr>
                <td>${name}</td>
                <td><code>${given(value)}</code></td>
              </tr>`,
          ),
        )}
      </details>
      <details>
        <summary>${resolvedDependencies.length} inputs with their digests</summary>
        ${table(
          "Inputs",
          ["Input", "Digest"],
          resolvedDependencies.map(
            ({ name, uri, digest: digests }) =>
              html`<tr>
                <td>${name}${uri && html` <small>${uri}</small>`}</td>
                <td>${Object.values(digests).map(digest)}</td>
              </tr>`,
          ),
        )}
      </details>
      <h3>Check it yourself</h3>
      <p>
        Copy this folder anywhere and run
        <code>./kragle verify FOLDER${signer ? " --allowed-signers FILE" : ""}</code>.
        ${
          signer
            ? html`The sums are signed by <code>${signer}</code>.`
            : "The release is not signed: whoever can change these files can make their sums anew."
        }
      </p>`,
    "SLSA provenance of build level 1; for programs: provenance.json.",
  );
}
