import { formatSeconds } from "../plan/units";
import { EXIT } from "../stages/failure";
import type { CommonOptions } from "./main";
import { openSession } from "./session";

/** `kragle preview`: what `up` would do, stage by stage, and why. Changes nothing. */
export async function preview(options: CommonOptions): Promise<number> {
  const session = await openSession(options);
  const rows = await session.plan();
  await session.run(true, () => undefined, new AbortController().signal);
  const expectedSeconds = rows.reduce((sum, row) => sum + (row.expectedSeconds ?? 0), 0);
  if (options.json) {
    const document = {
      stack: options.stack,
      engine: session.engine,
      stages: rows,
      expectedSeconds,
    };
    process.stdout.write(JSON.stringify(document) + "\n");
    return EXIT.done;
  }
  const width = Math.max(...rows.map(({ stage }) => stage.length));
  for (const { stage, status, reasons, expectedSeconds: about } of rows) {
    const time = about === undefined ? "" : `, about ${formatSeconds(about)}`;
    process.stdout.write(`${stage.padEnd(width)}  ${status}${time}\n`);
    for (const reason of reasons) process.stdout.write(`${" ".repeat(width)}    ${reason}\n`);
  }
  const runs = rows.some(({ status }) => status !== "from store");
  process.stdout.write(
    runs
      ? `\nNext: ./kragle up -s ${options.stack}\n`
      : "\nNothing to do: everything is in the store.\n",
  );
  return EXIT.done;
}
