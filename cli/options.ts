/** What most verbs take. */
export interface CommonOptions {
  readonly stack: string;
  readonly json?: boolean;
  readonly engine?: "pulumi" | "embedded";
  readonly rebuild?: string[];
}
