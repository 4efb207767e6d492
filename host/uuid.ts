/** A whole text that is a UUID, as `randomUUID` of Node writes it. */
export const UUID = /^[\da-f]{8}(-[\da-f]{4}){3}-[\da-f]{12}$/;
