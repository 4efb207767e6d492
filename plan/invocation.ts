import type { StackName } from "./identity";

/** The shell commands of command resources. They are written and read here only. */

/** Runs a stage, or asks one of the questions beside the stages. */
export const runsStage = (name: string): string => `exec ./kragle stage ${name}`;

/** What a command runs; undefined where it is none of {@link runsStage}'s. */
export const stageOf = (command: string): string | undefined =>
  /^exec \.\/kragle stage (\S+)$/.exec(command)?.[1];

/** Lets go of what a stack keeps under a root. The names need no other quoting: Pulumi allows no quote in them. */
export const dropsRoot = ({ project, stack }: StackName, root: string): string =>
  `exec ./kragle drop-root -- '${stack}' '${root}' '${project}'`;

/** Environment variable with the stage's key: makes Pulumi run the command again when it changes. */
export const KEY = "KRAGLE_KEY";

/** Environment variable that says why a stage has to run although its key is the same. */
export const MARKER = "KRAGLE_MARKER";

/** Environment variable of `kragle up --keep`: a folder by which the image stage and that command tell each other of a failed guest. */
export const KEEP = "KRAGLE_KEEP";

/** What the names of environment variables with secrets begin with; the secret's name follows. */
export const SECRET = "KRAGLE_SECRET_";
