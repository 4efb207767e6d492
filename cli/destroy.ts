import { chooseEngine } from "../engine/choose";
import { EXIT, StageFailure } from "../host/failure";
import { homeFolder } from "../host/home";
import { print, say } from "../host/output";
import { releasesIn, Roots } from "../store/roots";
import { markDestroyed, readStackRecord } from "../store/stackRecord";
import { letGoOf } from "./dropRoot";
import type { CommonOptions } from "./options";
import { readStackSettings } from "./stackSettings";

/** `kragle destroy`: the stack uses nothing any more. Released files stay; `gc` frees the store. */
export async function destroy(options: CommonOptions): Promise<number> {
  const { project } = readStackSettings(options.stack);
  const home = homeFolder();
  const roots = Roots.of(home, { project, stack: options.stack });
  const last = await readStackRecord(home, roots.owner);
  // read before the Pulumi CLI deletes its resources, each of which drops its root
  const kept = await roots.list();
  const dropped = [...kept.keys()];
  const engine = options.engine ?? last?.engine ?? (await chooseEngine(undefined));
  const line = (text: string) => void (options.json || say(text + "\n"));
  if (engine === "pulumi") {
    if (!(await chooseEngine("pulumi"))) {
      throw new StageFailure(
        `stack ${options.stack} belongs to the Pulumi CLI, which is not on PATH`,
        {
          hint: "put the Pulumi CLI on PATH, or use --engine embedded to forget the stack here only",
          exitCode: EXIT.lacking,
        },
      );
    }
    await (await import("../engine/pulumiCli")).destroyPulumi(home, options.stack, line);
  }
  for (const [, release] of releasesIn(kept)) await letGoOf(home, release, roots.owner);
  await roots.dropAll();
  await markDestroyed(home, roots.owner);
  if (options.json) print(JSON.stringify({ stack: options.stack, engine, dropped }) + "\n");
  else {
    if (dropped.length === 0) line(`Stack ${options.stack} used nothing; nothing was let go of.`);
    else {
      line(`Stack ${options.stack} uses nothing any more.`);
      if (releasesIn(kept).length > 0) line("Released files were left where they are.");
      line("Next: ./kragle gc   frees what no stack uses");
    }
  }
  return EXIT.done;
}
