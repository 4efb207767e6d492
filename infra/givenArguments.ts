import * as pulumi from "@pulumi/pulumi";

import { CREDENTIAL_NAMES } from "../plan/imageSpec";
import { hasCredentials } from "../settings/maskedSettings";

/** A component's arguments when all of them are there. */
export interface GivenArguments {
  /** By name; those that are not given, or not known yet, are absent. */
  readonly values: Readonly<Record<string, unknown>>;
  /** Names of those that are not known in this preview. */
  readonly unknown: readonly string[];
  /** Names of those that are secret. */
  readonly secret: readonly string[];
}

/** Arguments that are secret whether they are marked so or not. */
const SECRET: readonly string[] = ["secrets", ...CREDENTIAL_NAMES];

/** The arguments as the engine gets them: encrypted where they are secrets, or have an address with a password or a token. */
export const withSecrets = (args: object): pulumi.Inputs =>
  Object.fromEntries(
    Object.entries(args)
      .filter(([, value]) => value !== undefined)
      .map(([name, value]: [string, pulumi.Input<unknown>]) => [
        name,
        SECRET.includes(name) ? pulumi.secret(value) : secretByContent(value),
      ]),
  );

const secretByContent = (value: unknown): pulumi.Output<unknown> => {
  const given: pulumi.Output<unknown> = pulumi.output(value);
  return given.apply((known) => (hasCredentials(known) ? pulumi.secret(known) : known));
};

/** Waits for all arguments. */
export async function givenArguments(args: pulumi.Inputs): Promise<GivenArguments> {
  const read = await Promise.all(
    Object.entries(args).map(async ([name, value]) => {
      const { found, isKnown, isSecret } = await settle(value);
      return { name, value: plain(found), isKnown, isSecret };
    }),
  );
  const isGiven = (value: unknown) => value !== undefined && value !== null;
  return {
    values: Object.fromEntries(
      read.filter(({ value }) => isGiven(value)).map(({ name, value }) => [name, value]),
    ),
    unknown: read.filter(({ isKnown }) => !isKnown).map(({ name }) => name),
    secret: read
      .filter(({ name, value, isKnown, isSecret }) => {
        const mayBeGiven = isGiven(value) || !isKnown;
        return mayBeGiven && (isSecret || SECRET.includes(name));
      })
      .map(({ name }) => name),
  };
}

/** Waits for a value, whose `found` is undefined while it is not known in a preview. */
export async function settle(value: unknown) {
  // not by apply, which would make everything that follows secret
  const output = pulumi.output(value) as unknown as Settling;
  const [found, isKnown, isSecret] = await Promise.all([
    output.promise(),
    output.isKnown,
    output.isSecret,
  ]);
  return { found: isKnown ? found : undefined, isKnown, isSecret };
}

/** What an output is made of, which the SDK's types do not tell. */
interface Settling {
  promise(): Promise<unknown>;
  readonly isKnown: Promise<boolean>;
  readonly isSecret: Promise<boolean>;
}

/** Without properties that are there and have no value: which ones an object has tells what it is. */
const plain = (value: unknown): unknown =>
  value === undefined ? undefined : (JSON.parse(JSON.stringify(value)) as unknown);
