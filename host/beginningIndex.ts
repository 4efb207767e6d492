/**
 * Values by the first two or three characters of something; finds in one pass over a text where any of them may begin. However many
 * values there are, a text in which none of their beginnings occurs is looked at once.
 */
export class BeginningIndex<Value> {
  private readonly values = new Map<number, Value[]>();
  /** By a hash of the characters: most places of a text are dismissed by this. */
  private readonly known = new Uint8Array(MOST_HASHES);

  add(beginnings: Iterable<string>, value: Value): void {
    for (const one of beginnings) {
      const [first, second, third] = [0, 1, 2].map((index) => one.charCodeAt(index) & 0xff);
      const key = one.length > 2 ? keyOf(first!, second!, third!) : keyOf(0x100, first!, second!);
      const values = this.values.get(key) ?? [];
      this.values.set(key, [...values, value]);
      this.known[key & (MOST_HASHES - 1)] = 1;
    }
  }

  /** Calls `visit` wherever values of this index may begin; some that do not are among them. */
  scan(text: string, visit: (at: number, values: readonly Value[]) => void): void {
    const { known } = this;
    let second = text.charCodeAt(0) & 0xff;
    let third = text.charCodeAt(1) & 0xff;
    for (let at = 0; at < text.length - 1; at++) {
      const first = second;
      second = third;
      third = text.charCodeAt(at + 2) & 0xff; // behind the end: not a number, which becomes 0
      this.visitKey(keyOf(first, second, third), at, known, visit);
      this.visitKey(keyOf(0x100, first, second), at, known, visit);
    }
  }

  private visitKey(
    key: number,
    at: number,
    known: Uint8Array,
    visit: (at: number, values: readonly Value[]) => void,
  ): void {
    if (known[key & (MOST_HASHES - 1)] !== 1) return;
    const values = this.values.get(key);
    if (values) visit(at, values);
  }
}

const MOST_HASHES = 2 ** 18;

/** Of characters that do not fit into a byte, the lower half counts. The last ones, which differ most, are all in the hash. */
const keyOf = (first: number, second: number, third: number) =>
  (first << 16) ^ (second << 8) ^ third;
