/**
 * The namespace in which settings stand in a stack's file, which is the project's name in Pulumi.yaml; null for the arguments of a
 * component, which have none.
 */
export type Namespace = string | null;

/** What messages call a place among settings, such as "formats[1]". */
export const keyIn =
  (namespace: Namespace) =>
  (place: string): string =>
    namespace === null ? place : `${namespace}:${place}`;
