/** A whole text that is a UUID, as `randomUUID` of Node writes it. */
export const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;

/** Hexadecimal digits, of which the first 32 count, as a UUID is written. */
export const asUuid = (digits: string): string =>
  digits.replace(/^(.{8})(.{4})(.{4})(.{4})(.{12}).*$/, "$1-$2-$3-$4-$5");
