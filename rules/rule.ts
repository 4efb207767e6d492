import type { FileType } from "./facts";

/** What must hold. Paths are globs (see glob.ts), expressions RE2's without regard to case, line by line (see expression.ts). */
export type Assertion =
  /** Nothing matches; `only` one type of file counts, `nonEmpty` lets empty files pass. */
  | { readonly absent: readonly string[]; readonly only?: FileType; readonly nonEmpty?: true }
  /** At least one path matches. */
  | { readonly anyOf: readonly string[] }
  /** Every matching file's text has it (`has`), or none does (`lacks`); `required` where a file must be there. */
  | {
      readonly content: readonly string[];
      readonly has?: string;
      readonly lacks?: string;
      readonly required?: true;
    }
  /** The OpenSSH server's effective value. */
  | { readonly sshd: string; readonly allowed: readonly string[]; readonly byDefault: string }
  /** A check that needs a program, see probes.ts. */
  | { readonly probe: ProbeName };

export type ProbeName =
  | "qcow2Consistent"
  | "qcow2Standalone"
  | "partitionTable"
  | "rootLast"
  | "fileSystemsClean"
  | "fstab"
  | "kernels"
  | "biosBoot"
  | "uefiBoot"
  | "packages"
  | "imageIdentity"
  | "secrets";

export interface Rule {
  /** `area.name`, stable: users waive a rule by it. */
  readonly id: string;
  /** What is asserted, as a statement. */
  readonly asserts: string;
  readonly assertion: Assertion;
  readonly reason: string;
  /** Where the rule comes from. */
  readonly source: string;
  /** The rule applies only where something matches this glob. */
  readonly when?: string;
}

export const areaOf = ({ id }: Pick<Rule, "id">) => id.split(".")[0]!;
