import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { EXIT, StageFailure } from "../host/failure";
import { print } from "../host/output";
import { displayPath } from "../host/project";
import { homeFolder } from "../host/home";
import { Roots } from "../store/roots";
import type { CommonOptions } from "./options";
import { type LastRelease, lastRelease } from "./lastRelease";
import { writeStackReport } from "./stackReport";

type Outputs = LastRelease["outputs"];

export interface ReportOptions extends CommonOptions {
  readonly open?: boolean;
}

/** `kragle report [IMAGE]`: where the page is that tells everything of a stack's last release; of several images, one that leads to theirs. */
export async function report(
  image: string | undefined,
  { stack, json, open }: ReportOptions,
): Promise<number> {
  const last = await lastRelease(stack, image === undefined ? [] : [image]);
  const only = last.images.get(image ?? null);
  const { reportPath, ...others } = only
    ? { reportPath: pageOf(stack, image, only) }
    : await pagesOf(last);
  print(json ? JSON.stringify({ reportPath, ...others }) + "\n" : `${displayPath(reportPath)}\n`);
  if (open) await openInBrowser(reportPath);
  return EXIT.done;
}

/** The page of a stack with several images, made anew, and each one's own where it has one. */
async function pagesOf({ owner, settings, images }: LastRelease) {
  const home = homeFolder();
  const roots = new Roots(home, owner);
  const released = images as ReadonlyMap<string, Outputs>;
  return {
    reportPath: await writeStackReport(home, roots, settings, released),
    images: Object.fromEntries(
      [...released].map(([name, { reportPath }]) => [name, { reportPath }]),
    ),
  };
}

function pageOf(stack: string, image: string | undefined, { reportPath }: Outputs): string {
  if (typeof reportPath === "string" && existsSync(reportPath)) return reportPath;
  const of = image === undefined ? `stack ${stack}` : `image ${image} of stack ${stack}`;
  throw new StageFailure(`the last release of ${of} has no report`, {
    hint: `./kragle up -s ${stack}`,
  });
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
