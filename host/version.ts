/** Whether a dotted version is at least another one; what stands before and after its numbers ("v", "-rc1") is ignored. */
export function isAtLeast(version: string, oldest: readonly number[]): boolean {
  const numbers = /\d+(?:\.\d+)*/.exec(version)?.[0].split(".").map(Number) ?? [];
  for (const [index, least] of oldest.entries()) {
    const number = numbers[index] ?? 0;
    if (number !== least) return number > least;
  }
  return true;
}
