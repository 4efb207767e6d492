import { existsSync } from "node:fs";
import { join } from "node:path";

import { readText } from "../host/files";
import { inProject } from "../host/project";
import {
  CREDENTIAL_NAMES,
  type CredentialName,
  type Credentials,
  type Template,
} from "../plan/imageSpec";
import { SECRET } from "../plan/invocation";

type GivenCredentials = Record<CredentialName, string | null>;

/**
 * Takes the secret settings out of all others, so that nothing that handles those ever sees them. One that is not set may stand
 * in the environment, as KRAGLE_SECRET_rhsmPassword.
 */
export function takeCredentials<T extends GivenCredentials>(
  values: T,
): { credentials: Credentials; rest: Omit<T, CredentialName> } {
  const secret = (name: string) => (CREDENTIAL_NAMES as readonly string[]).includes(name);
  const given = CREDENTIAL_NAMES.map(
    (name) => [name, values[name] ?? process.env[`${SECRET}${name}`]] as const,
  );
  return {
    credentials: Object.fromEntries(given.filter(([, value]) => value)),
    rest: Object.fromEntries(Object.entries(values).filter(([name]) => !secret(name))) as Omit<
      T,
      CredentialName
    >,
  };
}

/** What must not be found in an image. */
export function onlySecret({ rhsmPassword, rhsmActivationKey }: Credentials): Credentials {
  return {
    ...(rhsmPassword === undefined ? {} : { rhsmPassword }),
    ...(rhsmActivationKey === undefined ? {} : { rhsmActivationKey }),
  };
}

/** Whether Packer's template takes credentials: those of Red Hat are all there are. */
export function registers({ folder }: Template): boolean {
  const file = join(inProject(folder), "image.json");
  return existsSync(file) && readText(file).includes("rhsm_");
}

/**
 * What is wrong with credentials of which only one half is given; without this it would show after an hour, in the image stage.
 *
 * @param full the full key of a setting
 */
export function credentialProblems(
  given: Credentials,
  full: (name: string) => string,
): [place: string, problem: string][] {
  const needs = (name: CredentialName, other: CredentialName): [string, string][] =>
    given[name] !== undefined && given[other] === undefined
      ? [[other, `is missing; ${full(name)} needs it`]]
      : [];
  return [
    ...needs("rhsmUsername", "rhsmPassword"),
    ...needs("rhsmPassword", "rhsmUsername"),
    ...needs("rhsmActivationKey", "rhsmOrg"),
    ...(given.rhsmUsername === undefined ? needs("rhsmOrg", "rhsmActivationKey") : []),
  ];
}
