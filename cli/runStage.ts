import { text } from "node:stream/consumers";

import { FAILURE_PREFIX } from "../engine/failurePrefix";
import { stageKey } from "../plan/description";
import { EXIT, explainSystemError, StageFailure } from "../host/failure";
import { baseImage } from "../executors/builderBase";
import { type BuilderRequest, claimBuilder } from "../run/claimBuilder";
import { stagePrograms } from "../stages/index";
import { domainType } from "../executors/libvirtHost";
import { kragleHome } from "../host/project";
import { openStore } from "../store/open";
import { runStage as run, type StageRequest } from "../run/stage";
import { Roots } from "../store/roots";

/** `kragle stage NAME`: what a command resource runs. One line of JSON in, one out; progress and errors on stderr. */
export async function runStage(name: string): Promise<number> {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => stop.abort());
  }
  // whoever started this may have been killed: then nobody waits for the result, and nobody reads the lines
  const parent = process.ppid;
  setInterval(() => process.ppid === parent || stop.abort(), 1000).unref();
  process.stderr.on("error", () => undefined);
  const print = (line: string) => process.stderr.write(line + "\n");
  try {
    const line = await text(process.stdin);
    if (name === baseImage.name) {
      process.stdout.write(JSON.stringify(await provideBaseImage(line, print, stop.signal)) + "\n");
      return EXIT.done;
    }
    if (name === domainType.name) {
      const request = domainType.settings.parse(JSON.parse(line));
      process.stdout.write(JSON.stringify(await domainType.run(request, print)) + "\n");
      return EXIT.done;
    }
    const request = JSON.parse(line) as StageRequest;
    const program = Object.hasOwn(stagePrograms, name) ? stagePrograms[name] : undefined;
    if (!program) throw new StageFailure(`there is no stage "${name}"`);
    if (request.description.stage !== name) {
      throw new StageFailure(`the description on stdin is not one of stage ${name}`);
    }
    const key = stageKey(request.description);
    if (process.env.KRAGLE_KEY && process.env.KRAGLE_KEY !== key) {
      throw new StageFailure("the description on stdin does not have the key in KRAGLE_KEY");
    }
    const answer = await run(program, {
      store: openStore(),
      request,
      marker: process.env.KRAGLE_MARKER,
      secrets: secretsOf(process.env),
      print,
      signal: stop.signal,
    });
    process.stdout.write(JSON.stringify(answer) + "\n");
    return EXIT.done;
  } catch (error) {
    return reportFailure(error as Error);
  }
}

/** The base image is Docker's, not the store's: nothing is published. */
async function provideBaseImage(line: string, print: (line: string) => void, signal: AbortSignal) {
  const request = JSON.parse(line) as BuilderRequest;
  const answer = await baseImage.run(baseImage.settings.parse(request), { print, signal });
  await claimBuilder(new Roots(kragleHome), request);
  return answer;
}

/** Prints a failure so that the engine can tell it from progress. */
export function reportFailure(error: Error): number {
  const known = error instanceof StageFailure ? error : explainSystemError(error);
  const { hint, exitCode } = known?.details ?? {};
  const text = known?.message ?? error.stack ?? error.message;
  const message = hint ? `${text}\n  next: ${hint}` : text;
  for (const line of message.split("\n")) process.stderr.write(`${FAILURE_PREFIX}${line}\n`);
  return exitCode ?? EXIT.failed;
}

const PREFIX = "KRAGLE_SECRET_";

function secretsOf(environment: NodeJS.ProcessEnv): Record<string, string> {
  const names = Object.keys(environment).filter((name) => name.startsWith(PREFIX));
  return Object.fromEntries(names.map((name) => [name.slice(PREFIX.length), environment[name]!]));
}
