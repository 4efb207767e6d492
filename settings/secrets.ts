import { Buffer } from "node:buffer";

import { SHORTEST } from "../host/secretForms";
import type { ImageSpec } from "../plan/imageSpec";
import { SECRET } from "../plan/invocation";
import { type ProvisionStep, STEP_SECRET } from "../plan/steps";
import type { Namespace } from "./namespace";

/** How a secret in a stack's file shows itself where it is encrypted, and this process does not decrypt it. */
export const ENCRYPTED = "(encrypted)";

type Secrets = Readonly<Record<string, string>>;

const namesOf = (step: ProvisionStep) => ("secrets" in step ? step.secrets : []);

/**
 * The values of the secrets that steps name. One that is not set may stand in the environment, as KRAGLE_SECRET_NAME.
 *
 * @param given the setting
 * @param namespace of the settings
 */
export function takeSecrets(
  given: Secrets,
  steps: readonly ProvisionStep[],
  namespace: Namespace,
): { secrets: Secrets; problems: [place: string, problem: string][] } {
  const secrets = new Map<string, string>();
  const problems: [string, string][] = [];
  steps.forEach((step, index) => {
    for (const name of namesOf(step)) {
      const own = Object.hasOwn(given, name) ? given[name] : undefined;
      const value = own ?? process.env[`${SECRET}${name}`];
      if (value) secrets.set(name, value);
      else {
        const how =
          namespace === null
            ? "give it among the secrets of the image"
            : `pulumi config set --secret --path ${namespace}:secrets.${name}`;
        problems.push([
          `provision[${index}].secrets`,
          `step ${index + 1}: the secret ${name} is not set; ${how}, or give it as ${SECRET}${name} in the environment`,
        ]);
      }
    }
  });
  return { secrets: Object.fromEntries(secrets), problems };
}

/** Steps' secrets under the names by which stages get them. */
export const stepSecrets = ({ secrets }: Pick<ImageSpec, "secrets">): Record<string, string> =>
  Object.fromEntries(
    Object.entries(secrets).map(([name, value]) => [`${STEP_SECRET}${name}`, value]),
  );

/** @param key the setting's full key, with the name behind a dot where it is one of several */
export function inTheClear(key: string, name: string, stack: string): string {
  const path = key.includes(".") ? "--path " : "";
  const command = `pulumi config set --secret ${path}${key} -s ${stack}`;
  const other = `without the Pulumi CLI, take it out and give it as ${SECRET}${name}`;
  return `${key} stands in the clear in Pulumi.${stack}.yaml; encrypt it: ${command}; ${other}`;
}

/**
 * What is right by itself and probably not meant: secrets in the clear, that nobody uses, or that are too short to be looked for.
 *
 * @param given the setting as it stands in the stack's file, if it is an object of texts
 * @param encrypted whether something of it is encrypted there
 * @param images whose steps may name them
 */
export function secretWarnings(
  given: Secrets,
  encrypted: boolean,
  images: readonly ImageSpec[],
  stack: string,
  full: (name: string) => string,
): string[] {
  const place = (name: string) => `${full("secrets")}.${name}`;
  const used = new Set(images.flatMap(({ provision }) => provision.flatMap(namesOf)));
  const secrets = Object.assign({}, ...images.map((spec) => spec.secrets)) as Secrets;
  // a process that gets everything decrypted cannot tell which of them are
  const canTell = !encrypted || Object.values(given).includes(ENCRYPTED);
  const clear = Object.keys(given).filter((name) => canTell && given[name] !== ENCRYPTED);
  const short = Object.keys(secrets).filter(
    (name) => secrets[name] !== ENCRYPTED && Buffer.byteLength(secrets[name]!) < SHORTEST.searched,
  );
  return [
    ...clear.map((name) => inTheClear(place(name), name, stack)),
    ...Object.keys(given)
      .filter((name) => !used.has(name))
      .map((name) => `${place(name)} is not used: no step names it`),
    ...short.map(
      (name) =>
        `${place(name)} is too short (less than ${SHORTEST.searched} bytes) to be looked for in the image`,
    ),
  ];
}
