import { spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";

import { EXIT, StageFailure } from "../host/failure";
import { print } from "../host/output";
import { displayPath } from "../host/project";
import type { CommonOptions } from "./options";
import { onlyName } from "./imageNames";
import { type LastRelease, lastRelease, releaseOf } from "./lastRelease";

export interface ReportOptions extends CommonOptions {
  readonly open?: boolean;
}

/** `kragle report [IMAGE]`: where the page is that tells everything of a stack's last release; of several images, each one's. */
export async function report(
  image: string | undefined,
  { stack, json, open }: ReportOptions,
): Promise<number> {
  const { images } = await (image === undefined ? lastRelease(stack) : releaseAlone(stack, image));
  const pages = [...images].map(([name, outputs]) => [name, pageOf(stack, name, outputs)] as const);
  const [[first, reportPath], ...others] = pages as [(typeof pages)[number]];
  if (json) {
    const each = pages.map(([name, page]) => [name, { reportPath: page }] as const);
    const all = first === null ? { reportPath } : { images: Object.fromEntries(each) as object };
    print(JSON.stringify(all) + "\n");
  } else {
    const width = Math.max(...pages.map(([name]) => name?.length ?? 0));
    for (const [name, page] of pages) {
      print(`${others.length === 0 ? "" : `${name?.padEnd(width)}  `}${displayPath(page)}\n`);
    }
  }
  if (!open) return EXIT.done;
  if (others.length > 0) onlyName([...images.keys()].map(String), stack);
  await openInBrowser(reportPath);
  return EXIT.done;
}

/** A release of which one image is wanted; as it is in a stack of one. */
async function releaseAlone(stack: string, image: string): Promise<Pick<LastRelease, "images">> {
  return { images: new Map([[null, await releaseOf(stack, image)]]) };
}

function pageOf(
  stack: string,
  name: string | null,
  { reportPath }: LastRelease["outputs"],
): string {
  if (typeof reportPath === "string" && existsSync(reportPath)) return reportPath;
  const of = name === null ? `stack ${stack}` : `image ${name} of stack ${stack}`;
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
