import { EXIT } from "../host/failure";
import { print } from "../host/output";
import { planLines } from "../preview/planLines";
import { totalSeconds } from "../preview/planReport";
import { willRun } from "../preview/planRow";
import type { CommonOptions } from "./options";
import { openSession } from "./session";

/** `kragle preview [IMAGE...]`: what `up` would do, stage by stage, and why. Changes nothing. */
export async function preview(names: readonly string[], options: CommonOptions): Promise<number> {
  const session = await openSession(options, names);
  const { rows, parallel } = session;
  let resources: Readonly<Record<string, number | undefined>> | undefined;
  await session.run(
    true,
    (event) => {
      if (event.kind === "resources") resources = event.changes;
    },
    new AbortController().signal,
  );
  if (options.json) {
    const { stack } = options;
    const document = { stack, engine: session.engine, stages: rows, resources };
    print(JSON.stringify({ ...document, expectedSeconds: totalSeconds(rows, parallel) }) + "\n");
    return EXIT.done;
  }
  for (const line of planLines(rows, parallel)) print(line + "\n");
  if (resources) {
    const counts = Object.entries(resources).map(([change, count]) => `${count} ${change}`);
    print(`\nPulumi's resources: ${counts.join(", ")}\n`);
  }
  const next = ["Next: ./kragle up", ...names, "-s", options.stack].join(" ");
  print(
    rows.some(willRun)
      ? `\n${next}\n`
      : rows.some(({ status }) => status === "from store")
        ? `\nNothing to build: everything is in the store, and up makes it this stack's.\n${next}\n`
        : "\nNothing to do: everything is in the store.\n",
  );
  return EXIT.done;
}
