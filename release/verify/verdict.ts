/** One thing that was verified; a warning does not make the release a bad one. */
export interface Check {
  readonly name: string;
  readonly state: "ok" | "warning" | "failed";
  readonly detail: string;
}
