import { EXIT, StageFailure } from "../host/failure";
import { packageFolder, projectAround, projectFolder } from "../host/project";

const byPulumi = (command: string) =>
  `${command}, there (https://www.pulumi.com/docs/iac/download-install/)`;

/** The verbs that run kragle's own program, or are about its stacks, and what does the same for any other. */
const VERBS: Readonly<Record<string, string>> = {
  up: byPulumi("pulumi up"),
  preview: byPulumi("pulumi preview"),
  destroy: byPulumi("pulumi destroy"),
  stacks: byPulumi("pulumi stack ls"),
  init: byPulumi("pulumi stack init"),
  debug: "./kragle boot, there, for an image that is finished",
};

/**
 * Whether somebody stands in a project whose program is another one than kragle's own, which kragle does not run: the embedded engine
 * knows the types of its own resources only, and stacks of that project have other settings.
 */
export const isAnotherProgram = (): boolean =>
  (projectAround(process.cwd()) ?? projectFolder) !== packageFolder;

/** @throws StageFailure (exit code 2) where a verb would run kragle's own program, and another one is meant */
export function requireOwnProgram(verb: string): void {
  const instead = VERBS[verb];
  if (instead === undefined || !isAnotherProgram()) return;
  const folder = projectAround(process.cwd());
  if (folder === undefined) {
    throw new StageFailure(`there is no Pulumi project in ${projectFolder}, nor above it`, {
      hint: "write a program with a GoldenImage and run it by pulumi up, or use a clone of kragle's repository",
      exitCode: EXIT.wrongSettings,
    });
  }
  throw new StageFailure(
    `kragle ${verb} is for kragle's own program, and the one in ${folder} is another: only the Pulumi CLI runs it`,
    {
      hint: `${instead}; for kragle's own, stand in the folder of its clone`,
      exitCode: EXIT.wrongSettings,
    },
  );
}
