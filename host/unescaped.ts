/** A part of an address without its escapes, such as `%20`; as it stands where they are none. */
export function unescaped(text: string): string {
  try {
    return decodeURIComponent(text);
  } catch {
    return text;
  }
}
