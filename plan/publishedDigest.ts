/** What a publisher tells a file by, the stronger first: its name, and its length in hexadecimal digits. */
export const ALGORITHMS = {
  sha512: { title: "SHA-512", digits: 128 },
  sha256: { title: "SHA-256", digits: 64 },
} as const;

export type Algorithm = keyof typeof ALGORITHMS;

/** Which file it is, as its publisher says. */
export interface PublishedDigest {
  readonly algorithm: Algorithm;
  /** Small hexadecimal digits. */
  readonly hex: string;
}

/** For people: `SHA-256 0123…`. */
export const digestInWords = ({ algorithm, hex }: PublishedDigest) =>
  `${ALGORITHMS[algorithm].title} ${hex}`;
