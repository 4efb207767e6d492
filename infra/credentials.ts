import { CREDENTIAL_NAMES, type CredentialName, type Credentials } from "../plan/imageSpec";

type GivenCredentials = Record<CredentialName, string | null>;

/** Takes the secret settings out of all others, so that nothing that handles those ever sees them. */
export function takeCredentials<T extends GivenCredentials>(
  values: T,
): { credentials: Credentials; rest: Omit<T, CredentialName> } {
  const secret = (name: string) => (CREDENTIAL_NAMES as readonly string[]).includes(name);
  const entries = Object.entries(values);
  return {
    credentials: Object.fromEntries(
      entries.filter(([name, value]) => secret(name) && value !== null),
    ) as Credentials,
    rest: Object.fromEntries(entries.filter(([name]) => !secret(name))) as Omit<T, CredentialName>,
  };
}

/** Half a credential is a slip that would otherwise show after an hour. */
export function credentialProblems(given: Credentials): string[] {
  const needs = (name: CredentialName, other: CredentialName) =>
    given[name] !== undefined && given[other] === undefined
      ? [`kragle:${other}: is missing; kragle:${name} needs it`]
      : [];
  return [
    ...needs("rhsmUsername", "rhsmPassword"),
    ...needs("rhsmPassword", "rhsmUsername"),
    ...needs("rhsmActivationKey", "rhsmOrg"),
    ...(given.rhsmUsername === undefined ? needs("rhsmOrg", "rhsmActivationKey") : []),
  ];
}
