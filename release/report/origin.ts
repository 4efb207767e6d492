import type { Provenance } from "../provenance";
import { dateTime, digest, html, type Html } from "./html";
import { facts, row, section, table } from "./parts";

/** Where the image comes from: settings, inputs, tools; and how a stranger checks it. */
export function origin(
  { subject, predicate }: Provenance,
  { signer, changed }: { readonly signer: string | undefined; readonly changed: readonly string[] },
): Html {
  const { externalParameters, resolvedDependencies } = predicate.buildDefinition;
  const { builder, metadata } = predicate.runDetails;
  const settings = Object.entries(externalParameters.settings).sort(
    ([a], [b]) => Number(changed.includes(b)) - Number(changed.includes(a)),
  );
  const isSet = (name: string) => changed.includes(name) && html` <span class="pill">set</span>`;
  const given = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));
  const code = (text: string) => html`<code>${text}</code>`;
  const files = subject.map(({ name, digest: { sha256 } }) => row(name, code(sha256)));
  const inputs = resolvedDependencies.map(({ name, uri, digest: digests }) =>
    row(
      html`${name}${uri && html` <small>${uri}</small>`}`,
      html`${Object.values(digests).map(digest)}`,
    ),
  );
  return section(
    "provenance",
    "Where it comes from",
    html`${facts([
        ["Begun", dateTime(metadata.startedOn)],
        ["Released", dateTime(metadata.finishedOn)],
        ...Object.entries(builder.version),
        ["Run", code(metadata.invocationId)],
      ])}
      <h3>Files</h3>
      ${table("Files", ["Name", "SHA-256"], files)}
      <details>
        <summary>
          ${settings.length} settings, ${changed.length} of them not as they are by default
        </summary>
        ${table(
          "Settings",
          ["Setting", "Value"],
          settings.map(([name, value]) => row(html`${name}${isSet(name)}`, code(given(value)))),
        )}
      </details>
      <details>
        <summary>${inputs.length} inputs with their digests</summary>
        ${table("Inputs", ["Input", "Digest"], inputs)}
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
