/** Units as people write them in settings: sizes with IEC units, durations with a word. */

const SIZE_UNITS: Record<string, number> = { MiB: 2 ** 20, GiB: 2 ** 30, TiB: 2 ** 40 };

const DURATION_UNITS: Record<string, number> = {
  second: 1,
  minute: 60,
  hour: 3600,
  day: 86_400,
  week: 604_800,
};

/** What a size looks like: a number, which may have a fraction, and its unit. */
export const SIZE = /^\s*(\d+(?:\.\d+)?)\s*(MiB|GiB|TiB)\s*$/;

const SECTOR_BYTES = 512;

/**
 * Reads a size such as "4 GiB", "4096MiB" or "4.7 GiB".
 *
 * @returns bytes, rounded up to whole sectors of 512 bytes, since a disk has no others
 * @throws Error whose message says what is allowed
 */
export function parseSize(text: string): number {
  const match = SIZE.exec(text);
  const exact = match ? Number(match[1]) * SIZE_UNITS[match[2]!]! : NaN;
  const bytes = Math.ceil(exact / SECTOR_BYTES) * SECTOR_BYTES;
  if (!Number.isSafeInteger(bytes) || bytes <= 0) {
    throw new Error(
      `"${text}" is not a size; write a number with MiB, GiB or TiB, as in "4 GiB" or "4096MiB"`,
    );
  }
  return bytes;
}

/** Reads a number of bytes, or a size as `parseSize` does. @throws Error whose message says what is allowed */
export const parseBytes = (text: string): number =>
  /^\d+$/.test(text) ? Number(text) : parseSize(text);

/**
 * Reads a duration such as "7 days", "90 minutes" or "1 hour".
 *
 * @returns seconds
 * @throws Error whose message says what is allowed
 */
export function parseDuration(text: string): number {
  const match = /^\s*(\d+(?:\.\d+)?)\s*(second|minute|hour|day|week)s?\s*$/.exec(text);
  const seconds = match ? Number(match[1]) * DURATION_UNITS[match[2]!]! : NaN;
  if (!Number.isFinite(seconds) || seconds <= 0) {
    throw new Error(
      `"${text}" is not a duration; write a number with seconds, minutes, hours, days or weeks, as in "7 days"`,
    );
  }
  return seconds;
}

/** A number of things for people: "1 file", "3 files". */
export const counted = (n: number, one: string, many = `${one}s`): string =>
  `${n} ${n === 1 ? one : many}`;

/** Bytes for people: "412 MiB", "4.0 GiB". */
export function formatSize(bytes: number): string {
  const [kibibytes, mebibytes] = [Math.ceil(bytes / 2 ** 10), Math.round(bytes / 2 ** 20)];
  if (mebibytes >= 1024) return `${(bytes / 2 ** 30).toFixed(1)} GiB`;
  return kibibytes >= 1024 ? `${mebibytes} MiB` : `${kibibytes} KiB`;
}

/** The same with its bytes: "4.0 GiB (4294967296 bytes)". */
export const formatExactly = (bytes: number): string => `${formatSize(bytes)} (${bytes} bytes)`;

/** How long ago something was, in the largest unit that tells it: "now", "5 min", "3 h", "12 days". */
export function formatAge(seconds: number): string {
  if (seconds < 60) return "now";
  if (seconds < 3600) return `${Math.floor(seconds / 60)} min`;
  if (seconds < 2 * 86_400) return `${Math.floor(seconds / 3600)} h`;
  return `${Math.floor(seconds / 86_400)} days`;
}

/** Seconds for people: "8 s", "3 min 05 s", "1 h 02 min". */
export function formatSeconds(seconds: number): string {
  const whole = Math.round(seconds);
  if (whole < 60) return `${whole} s`;
  const two = (n: number) => String(n).padStart(2, "0");
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${two(whole % 60)} s`;
  return `${Math.floor(whole / 3600)} h ${two(Math.floor((whole % 3600) / 60))} min`;
}
