import { formatSize } from "../plan/units";
import { EXIT } from "../host/failure";
import { homeFolder } from "../host/project";
import { openStore } from "../store/open";
import { collectGarbage } from "../store/gc";
import { stackNames } from "./stackSettings";

/** `kragle gc`: deletes what no stack uses, and says which stacks keep what. */
export async function gc(options: { json?: boolean; dryRun?: boolean }): Promise<number> {
  const found = await collectGarbage(openStore(homeFolder()), options.dryRun === true);
  const { deleted, kept, foreign, unreadable, failed } = found;
  const exitCode = failed.length ? EXIT.lacking : EXIT.done;
  const bytes = deleted.reduce((sum, entry) => sum + entry.bytes, 0);
  const unknownStacks = Object.keys(kept).filter((stack) => !stackNames().includes(stack));
  if (options.json) {
    process.stdout.write(JSON.stringify({ ...found, bytes, unknownStacks }) + "\n");
    return exitCode;
  }
  for (const { name, bytes: size } of deleted)
    process.stdout.write(`${name}  ${formatSize(size)}\n`);
  const verb = options.dryRun ? "would be freed" : "freed";
  process.stdout.write(`${deleted.length} folders, ${formatSize(bytes)} ${verb}\n`);
  for (const stack of unknownStacks) {
    process.stdout.write(
      `stack ${stack} has no Pulumi.${stack}.yaml here but keeps ${kept[stack]} results; ` +
        `delete .kragle/roots/${stack} if it is gone for good\n`,
    );
  }
  for (const name of foreign) {
    process.stdout.write(`${name} is not kragle's, or is a link: left alone\n`);
  }
  if (unreadable.length > 0) {
    process.stdout.write(
      `no result was deleted, for nobody knows which of them these kept: ${unreadable.join(", ")}\n` +
        "  next: ./kragle up of that stack writes them again; delete them where the stack is gone for good\n",
    );
  }
  for (const { name, reason } of failed)
    process.stderr.write(`${name} could not be deleted: ${reason}\n`);
  return exitCode;
}
