import { EXIT, StageFailure } from "../host/failure";
import { packageFolder, projectAround, projectFolder } from "../host/project";

/** The verbs that run kragle's own program, or are about its stacks, and what does the same for any other. */
const VERBS: Readonly<Record<string, string>> = {
  up: "pulumi up",
  preview: "pulumi preview",
  destroy: "pulumi destroy",
  stacks: "pulumi stack ls",
  init: "pulumi stack init",
  debug: "./kragle boot, for an image that is finished",
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
  const byPulumi = instead.startsWith("pulumi")
    ? " (https://www.pulumi.com/docs/iac/download-install/)"
    : "";
  throw new StageFailure(
    `kragle ${verb} is for kragle's own program, and the one in ${folder} is another: only the Pulumi CLI runs it`,
    {
      hint: `${instead}, there${byPulumi}; for kragle's own, stand in the folder of its clone`,
      exitCode: EXIT.wrongSettings,
    },
  );
}
