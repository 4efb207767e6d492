import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { EXIT, StageFailure } from "../host/failure";
import { print } from "../host/output";
import { displayPath } from "../host/project";
import type { CommonOptions } from "./options";
import { releaseOf } from "./lastRelease";

export interface ReportOptions extends CommonOptions {
  readonly open?: boolean;
}

/** `kragle report [IMAGE]`: where the page is that tells everything of a stack's last release. */
export async function report(
  image: string | undefined,
  { stack, json, open }: ReportOptions,
): Promise<number> {
  const { reportPath } = await releaseOf(stack, image);
  if (typeof reportPath !== "string" || !existsSync(reportPath)) {
    throw new StageFailure(`the last release of stack ${stack} has no report`, {
      hint: `./kragle up -s ${stack}`,
    });
  }
  print((json ? JSON.stringify({ reportPath }) : displayPath(reportPath)) + "\n");
  if (open) await openInBrowser(reportPath);
  return EXIT.done;
}

/** How long an opener may take to fail; one that works may end at once, or with the browser. */
const OPENER_MS = 3000;

async function openInBrowser(path: string): Promise<void> {
  const opener = process.platform === "darwin" ? "open" : "xdg-open";
  // not by runProgram: it goes on when this process has ended
  const child = spawn(opener, [path], { detached: true, stdio: "ignore" });
  const failure = once(child, "exit").then(
    ([code]) => (code ? `${opener} ended with exit code ${String(code)}` : undefined),
    (error: Error) => error.message,
  );
  const why = await Promise.race([failure, sleep(OPENER_MS, undefined, { ref: false })]);
  child.unref();
  if (!why) return;
  throw new StageFailure(`no browser could be opened: ${why}`, {
    hint: `open ${path} in one`,
    exitCode: EXIT.lacking,
  });
}
