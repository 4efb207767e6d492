import type { StackName } from "./identity";

/** The shell commands of command resources. They are written and read here only. */

/** What a command resource runs: a stage, or one of the questions beside the stages. */
export interface Invocation {
  readonly stage: string;
  /** Of what is to be there afterwards, 64 hex digits: a stage's key, or for the image for use by hand its digest. */
  readonly key?: string | undefined;
}

/**
 * How the program's resources reach kragle. All of it is relative to the folder in which the engine runs commands, so that no state has a
 * folder of a machine.
 */
export interface Reach {
  /** The command line. */
  readonly kragle: string;
  /** The folder of which Docker makes the builder. */
  readonly context: string;
}

/** In kragle's own folder. */
export const OWN_REACH: Reach = { kragle: "./kragle", context: "builder" };

/** The key stands in the command, where a preview shows it in one line, and makes Pulumi run the command again when it changes. */
export const runsStage = (kragle: Reach["kragle"], { stage, key }: Invocation): string =>
  [`exec ${kragle} stage`, stage, ...(key === undefined ? [] : [key])].join(" ");

/** What a command runs; undefined where it is none of {@link runsStage}'s. */
export function invocationOf(command: string): Invocation | undefined {
  const [, stage, key] = /^exec \S+ stage (\S+)(?: ([0-9a-f]{64}))?$/.exec(command) ?? [];
  return stage === undefined ? undefined : { stage, key };
}

/** Lets go of what a stack keeps under a root. The names need no other quoting: Pulumi allows no quote in them. */
export const dropsRoot = (
  kragle: Reach["kragle"],
  { project, stack }: StackName,
  root: string,
): string => {
  const drops = `exec ${kragle} drop-root -- '${stack}' '${root}' '${project}'`;
  // `pulumi destroy` runs no program that would write it
  return kragle === OWN_REACH.kragle ? drops : `[ -x ${kragle} ] || { ${saysUnknown}; }; ${drops}`;
};

const saysUnknown =
  "echo 'kragle has not run here yet: run pulumi preview in this folder first' >&2; exit 3";

/** Environment variable that says why a stage has to run although its key is the same. */
export const MARKER = "KRAGLE_MARKER";

/** Environment variable of `kragle up --keep`: a folder by which the image stage and that command tell each other of a failed guest. */
export const KEEP = "KRAGLE_KEEP_GUEST";

/** What the names of environment variables with secrets begin with; the secret's name follows. */
export const SECRET = "KRAGLE_SECRET_";
