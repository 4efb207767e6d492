/** Documents of which a part is generated: what stands between two markers. */

/** @param what such as "settings"; its markers are comments of Markdown */
export function withGenerated(
  text: string,
  file: string,
  what: string,
  lines: readonly string[],
): string {
  const start = `<!-- ${what}: written by npm run generate -->`;
  const end = `<!-- end of ${what} -->`;
  const [before, rest] = split(text, start, file);
  const [, after] = split(rest, end, file);
  return [before + start, "", ...lines, "", end + after].join("\n");
}

function split(text: string, marker: string, file: string): [string, string] {
  const at = text.indexOf(marker);
  if (at < 0) throw new Error(`${file} lacks the line ${marker}`);
  return [text.slice(0, at), text.slice(at + marker.length)];
}
