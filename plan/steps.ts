import { z } from "zod";

/**
 * The steps of an image: what a user's settings say of each (`ProvisionStep`, with paths), and what it is to the keys (`Step`, with
 * digests). A step's `kind` says which fields it has.
 */

/** What a step's program finds in its environment. */
interface Environment {
  /** By name; those of the whole image are added, and give way to the step's own. */
  readonly variables: Readonly<Record<string, string>>;
  /** Names of the image's secrets that the step gets as variables. */
  readonly secrets: readonly string[];
}

export interface ScriptWork extends Environment {
  readonly kind: "script";
  /** Path of the script, relative to the project, or absolute. */
  readonly script: string;
  readonly args: readonly string[];
}

export interface RunWork extends Environment {
  readonly kind: "run";
  /** Lines of a shell, or of what their first line names (`#!…`). */
  readonly run: string;
}

export interface PackagesWork {
  readonly kind: "packages";
  /** Names of the system's package manager, or `name=version`. */
  readonly packages: readonly string[];
}

export interface FilesWork {
  readonly kind: "files";
  readonly files: readonly FileCopy[];
}

/** A file or folder of the project's, and what becomes of it in the guest. */
export interface FileCopy {
  /** Relative to the project, or absolute. */
  readonly from: string;
  /** Absolute; that of the file, or of the folder whose content is copied. */
  readonly to: string;
  /** Permissions of every file, such as "0640"; null for 0644, or 0755 where it is executable. */
  readonly mode: string | null;
  /** `user`, or `user:group`, by name or number. */
  readonly owner: string;
}

export interface AnsibleWork extends Environment {
  readonly kind: "ansible";
  /** Path of the playbook, relative to `folder`. */
  readonly playbook: string;
  /** What travels with it: roles, variables, files. Relative to the project, or absolute. */
  readonly folder: string;
}

export interface RebootWork {
  readonly kind: "reboot";
}

export type Work = ScriptWork | RunWork | PackagesWork | FilesWork | AnsibleWork | RebootWork;

export type StepKind = Work["kind"];

/** One step of the setting `provision`. */
export type ProvisionStep = Work & {
  /** What the user calls it; null for what {@link stepTitle} makes of it. */
  readonly name: string | null;
  /** Seconds with KVM; null for those of the setting `timeouts`. */
  readonly timeout: number | null;
  /** Whether it runs in every build, whatever has changed. */
  readonly always: boolean;
  /** Seconds after which it counts as changed; null for never. */
  readonly refreshAfter: number | null;
};

/** What the names of steps' secrets begin with among those of a stage. */
export const STEP_SECRET = "step_";

/** SHA-256 of files by their path, "+x" behind it where one is executable; "folder"; or "-> " and the target of a link. "." is what `from` names. */
const tree = z.record(z.string(), z.string());

const environment = {
  /** Those of the whole image among them. */
  variables: z.record(z.string(), z.string()),
  /** Their names; values are in no key. */
  secrets: z.array(z.string()),
};

const dated = {
  /** When a step that runs again by its age, or always, was begun, ISO 8601; absent from all others. */
  since: z.string().optional(),
};

/** A step as an input of the image: what its result depends on, and nothing else. */
export const step = z.discriminatedUnion("kind", [
  z.strictObject({
    kind: z.literal("script"),
    script: z.string(),
    args: z.array(z.string()),
    ...environment,
    ...dated,
  }),
  z.strictObject({ kind: z.literal("run"), run: z.string(), ...environment, ...dated }),
  z.strictObject({ kind: z.literal("packages"), packages: z.array(z.string()), ...dated }),
  z.strictObject({
    kind: z.literal("files"),
    files: z.array(
      z.strictObject({
        content: tree,
        to: z.string(),
        mode: z.string().nullable(),
        owner: z.string(),
      }),
    ),
    ...dated,
  }),
  z.strictObject({
    kind: z.literal("ansible"),
    playbook: z.string(),
    content: tree,
    ...environment,
    ...dated,
  }),
  z.strictObject({ kind: z.literal("reboot"), ...dated }),
]);

export type Step = z.infer<typeof step>;

/** What the image's stage needs of a step besides: no key has it. */
export const stepRequest = z.strictObject({
  /** What people call it. */
  title: z.string(),
  /** Its name in the guest and in Packer's log, by which all scripts are in the order of running. */
  name: z.string(),
  /** Where its files lie: of a script its path, of files each `from`, of a playbook its folder. */
  sources: z.array(z.string()),
  /** Seconds with KVM; null for those of every script. */
  timeout: z.number().positive().nullable(),
});

export type StepRequest = z.infer<typeof stepRequest>;

const LONGEST_TITLE = 60;

/** What people call a step: its name in the settings, else what it does. */
export function stepTitle(step: ProvisionStep): string {
  if (step.name !== null) return step.name;
  switch (step.kind) {
    case "script":
      return step.script;
    case "run":
      return short(`run: ${step.run.trim().split("\n", 1)[0]!}`);
    case "packages":
      return short(`packages ${step.packages.join(", ")}`);
    case "files":
      return short(`files ${step.files.map(({ to }) => to).join(", ")}`);
    case "ansible":
      return `ansible ${step.playbook}`;
    case "reboot":
      return "reboot";
  }
}

const short = (text: string) =>
  text.length <= LONGEST_TITLE ? text : `${text.slice(0, LONGEST_TITLE - 1)}…`;

/**
 * The name of each step in the guest: numbered from 50 in their order, since the template's own scripts are 00 to 49, and 80 to 99.
 */
export function stepNames(steps: readonly ProvisionStep[]): string[] {
  const digits = String(steps.length).length;
  return steps.map((step, index) => {
    const number = String(index + 1).padStart(digits, "0");
    const what =
      step.kind === "script" ? step.script.slice(step.script.lastIndexOf("/") + 1) : step.kind;
    return `50-${number}-${what}`;
  });
}
