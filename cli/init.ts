import { rm, writeFile } from "node:fs/promises";
import { join } from "node:path";

import { stackFile } from "../generate/stackFile";
import { tableOfSettings } from "../generate/tableOfSettings";
import { EXIT, StageFailure } from "../host/failure";
import { print, say } from "../host/output";
import { displayPath, projectFolder } from "../host/project";
import { schema } from "../settings/schema";
import { readProject, requireStackName } from "./stackSettings";

export interface InitOptions {
  readonly template: string;
  readonly json?: boolean;
}

/** `kragle init NAME`: writes the file of a new stack, with every setting and what it means. Nothing that is there is overwritten. */
export async function init(stack: string, { template, json }: InitOptions): Promise<number> {
  const file = await writeStackFile(stack, template, projectFolder);
  if (json) print(JSON.stringify({ stack, file }) + "\n");
  else {
    const next = `./kragle preview -s ${stack}   says what would be done, ./kragle up -s ${stack} does it`;
    say(`${displayPath(file)} is written, with every setting and what it means.\nNext: ${next}\n`);
  }
  return EXIT.done;
}

/**
 * Writes the file of a new stack.
 *
 * @param folder the one with Pulumi.yaml
 * @returns the file
 * @throws StageFailure where the name or the template is none, or the file is there
 */
export async function writeStackFile(
  stack: string,
  template: string,
  folder: string,
): Promise<string> {
  requireStackName(stack);
  const { project } = readProject(folder);
  const file = join(folder, `Pulumi.${stack}.yaml`);
  await writeNew(file, stackFile(project, stack, tableOfSettings(), valuesFor(template)));
  return file;
}

/** What a stack of this template has to say: with the defaults alone it would be refused. @throws StageFailure where there is none */
function valuesFor(template: string): Record<string, unknown> {
  const { success, data, error } = schema.shape.template.safeParse(template);
  if (!success) {
    const why = error.issues.map(({ message }) => message).join("; ");
    throw new StageFailure(`--template: ${why}`, { exitCode: EXIT.wrongSettings });
  }
  // an ISO is told by its digest, and so is a disk
  const given = data.install === "disk" ? { from: { path: "", sha256: "" } } : {};
  return { template, ...(data.medium ? { isoSha256: "" } : given) };
}

/** @throws StageFailure where there is a file of that name, or a link */
async function writeNew(file: string, text: string): Promise<void> {
  try {
    await writeFile(file, text, { flag: "wx" });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "EEXIST") {
      throw new StageFailure(`${displayPath(file)} is there already; nothing was written`, {
        hint: "edit it, or name another stack",
        exitCode: EXIT.wrongSettings,
      });
    }
    // half of a file on a full disk would be in the way of the next try
    await rm(file, { force: true });
    throw error;
  }
}
