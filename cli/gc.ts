import { formatSize } from "../plan/units";
import { EXIT } from "../host/failure";
import { homeFolder } from "../host/project";
import { openStore } from "../store/open";
import { collectGarbage } from "../store/gc";
import { stackNames } from "./stackSettings";

/** `kragle gc`: deletes what no stack uses, and says which stacks keep what. */
export async function gc(options: { json?: boolean; dryRun?: boolean }): Promise<number> {
  const { deleted, kept } = await collectGarbage(openStore(homeFolder()), options.dryRun === true);
  const bytes = deleted.reduce((sum, entry) => sum + entry.bytes, 0);
  const unknownStacks = Object.keys(kept).filter((stack) => !stackNames().includes(stack));
  if (options.json) {
    process.stdout.write(JSON.stringify({ deleted, bytes, kept, unknownStacks }) + "\n");
    return EXIT.done;
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
  return EXIT.done;
}
