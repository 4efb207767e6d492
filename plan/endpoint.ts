import { isIP } from "node:net";

/** Where a guest may connect: a name, an address or a block of addresses, at one port or at all. */
export interface Endpoint {
  readonly host: string;
  /** Length of the block's prefix; null for a single address, or a name. */
  readonly prefix: number | null;
  readonly port: number | null;
}

const NAME = /^(?=.{1,253}$)[A-Za-z0-9_]([A-Za-z0-9_-]*[A-Za-z0-9_])?(\.[A-Za-z0-9_-]+)*\.?$/;
const LOOPBACK = /^(localhost$|127\.|::1$|0\.0\.0\.0$|::$)/i;

/**
 * Reads `10.0.0.5`, `10.0.0.5:8443`, `git.example:443`, `10.1.0.0/16`, `[fd00::5]:443` or `fd00::/8`.
 *
 * @throws Error that says what is allowed
 */
export function parseEndpoint(text: string): Endpoint {
  const [, bracketed, plain, length, port] =
    /^(?:\[([^\]]+)\]|([^:/[\]]+|[^/[\]]*:[^/[\]]*:[^/[\]]*))(?:\/(\d{1,3}))?(?::(\d{1,5}))?$/.exec(
      text,
    ) ?? [];
  const host = bracketed ?? plain ?? "";
  const family = isIP(host);
  const prefix = length === undefined ? null : Number(length);
  const number = port === undefined ? null : Number(port);
  const wrong =
    (bracketed !== undefined && family !== 6) ||
    (family === 0 && !(NAME.test(host) && /[A-Za-z]/.test(host))) ||
    (prefix !== null && (family === 0 || prefix > (family === 4 ? 32 : 128))) ||
    (number !== null && (number < 1 || number > 65_535));
  if (wrong) {
    throw new Error(
      `"${text}" is no address; write it as in 10.0.0.5, 10.0.0.5:8443, git.example:443, 10.1.0.0/16 or [fd00::5]:443`,
    );
  }
  if (LOOPBACK.test(host)) {
    throw new Error(
      `"${text}" is the loopback, which a guest cannot share; name an address of this machine on which the service listens`,
    );
  }
  return { host, prefix, port: number };
}
