import { CREDENTIAL_NAMES } from "../plan/imageSpec";

const MASK = "[MASKED]";
const SECRET_NAME = /(password|passphrase|secret|token|activationkey)$/i;
/** User and password of a URL. */
const CREDENTIALS = /(?<=\b[a-z][a-z0-9+.-]*:\/\/)[^\s/@"]*@/gi;
/** What follows the question mark, by which downloads are often signed. */
const QUERY = /(?<=\bhttps?:\/\/[^\s"?]*\?)[^\s"]+/gi;

/**
 * Every setting of a stack as it may stand in a release's provenance: encrypted ones, those that are secret by their name, and
 * what stands before the @ or after the ? of a URL show that they were given, not what they are.
 *
 * @param encrypted names of those that are secret
 * @param settings by name; numbers and lists come as text from one engine, as themselves from the other
 */
export function maskedSettings(
  settings: Readonly<Record<string, unknown>>,
  encrypted: readonly string[],
): Record<string, unknown> {
  const isSecret = (name: string) =>
    (CREDENTIAL_NAMES as readonly string[]).includes(name) ||
    name === "secrets" ||
    SECRET_NAME.test(name) ||
    encrypted.includes(name);
  const entries = Object.entries(settings).sort(([a], [b]) => (a < b ? -1 : 1));
  return Object.fromEntries(
    entries.map(([name, value]) => {
      if (isSecret(name)) return [name, value === "" ? "" : MASK];
      return [name, parsed(maskedText(value))];
    }),
  );
}

/** Whether there are addresses in a value of which a part is masked. */
export const hasCredentials = (value: unknown): boolean =>
  value !== undefined && maskedText(value) !== asText(value);

const maskedText = (value: unknown) =>
  asText(value).replace(CREDENTIALS, `${MASK}@`).replace(QUERY, MASK);

// an image's own setting is no text where it was part of one
const asText = (value: unknown) => (typeof value === "string" ? value : JSON.stringify(value));

/** Names of the settings that the Pulumi CLI has decrypted for this process: pulumi/pulumi, sdk/nodejs/runtime/config.ts. */
export function encryptedNames(): string[] {
  const keys = JSON.parse(process.env.PULUMI_CONFIG_SECRET_KEYS ?? "[]") as string[];
  return keys.map((key) => key.split(":").at(-1)!);
}

function parsed(text: string): unknown {
  try {
    return JSON.parse(text) as unknown;
  } catch {
    return text;
  }
}
