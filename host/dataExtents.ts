import { outputOf } from "./process";

/** First byte, and the byte after the last. */
export type DataExtent = readonly [start: number, end: number];

// Node cannot ask for holes; SEEK_DATA is 3 and SEEK_HOLE 4 on Linux, see lseek(2)
const SCRIPT = `
open(my $file, "<", $ARGV[0]) or exit 1;
my $end = 0;
while (defined(my $start = sysseek($file, $end, 3))) {
  $end = sysseek($file, $start, 4) or exit 1;
  print $start + 0, " ", $end + 0, "\\n";
}
$!{ENXIO} or exit 1;
`;

/**
 * Where a sparse file has data, by its file system; the rest are holes.
 *
 * @returns undefined where nobody can tell: the machine has no perl, or the file system knows no holes
 */
export async function dataExtents(path: string): Promise<DataExtent[] | undefined> {
  const found = await outputOf(["perl", "-MErrno", "-e", SCRIPT, "--", path]).catch(
    () => undefined,
  );
  if (found === undefined) return undefined;
  const lines = found.split("\n").filter(Boolean);
  return lines.map((line) => line.split(" ").map(Number) as [number, number]);
}
