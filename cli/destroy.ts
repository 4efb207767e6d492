import { chooseEngine } from "../engine/choose";
import { EXIT, StageFailure } from "../host/failure";
import { homeFolder } from "../host/project";
import { Roots } from "../store/roots";
import { forgetStack, readStackRecord } from "../store/stackRecord";
import type { CommonOptions } from "./options";
import { readStackSettings } from "./stackSettings";

/** `kragle destroy`: the stack uses nothing any more. Released files stay; `gc` frees the store. */
export async function destroy(options: CommonOptions): Promise<number> {
  readStackSettings(options.stack);
  const home = homeFolder();
  const last = await readStackRecord(home, options.stack);
  const engine = options.engine ?? last?.engine ?? (await chooseEngine(undefined));
  const say = (line: string) => void (options.json || process.stdout.write(line + "\n"));
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
    await (await import("../engine/pulumiCli")).destroyPulumi(home, options.stack, say);
  }
  const roots = new Roots(home);
  const dropped = [...(await roots.list(options.stack)).keys()];
  await roots.dropStack(options.stack);
  await forgetStack(home, options.stack);
  if (options.json)
    process.stdout.write(JSON.stringify({ stack: options.stack, engine, dropped }) + "\n");
  else {
    say(`Stack ${options.stack} uses nothing any more. Released files were left where they are.`);
    say("Next: ./kragle gc   frees what no stack uses");
  }
  return EXIT.done;
}
