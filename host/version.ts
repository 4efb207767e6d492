/** Whether a dotted version is at least another one; what follows the numbers is ignored. */
export function isAtLeast(version: string, oldest: readonly number[]): boolean {
  const numbers = version
    .replace(/^\D+/, "")
    .split(/[.+~-]/)
    .map(Number);
  for (const [index, least] of oldest.entries()) {
    const number = numbers[index] ?? 0;
    if (number !== least) return number > least;
  }
  return true;
}
