import { text } from "node:stream/consumers";

import { FAILURE_PREFIX } from "../engine/failurePrefix";
import { provideHandImage } from "../engine/handImage";
import { provideBuilderBase } from "../executors/builderBase";
import { localDocker } from "../executors/localDocker";
import { thisSite } from "../executors/site";
import { chooseDomainType } from "../executors/libvirtHost";
import { asFailure, EXIT, StageFailure } from "../host/failure";
import { print, tell } from "../host/output";
import { startWatchdog } from "../host/watchdog";
import { type Invocation, MARKER, SECRET } from "../plan/invocation";
import { CallError, checkQuestion } from "../plan/stages/call";
import { dockerBase, domainType, handImage } from "../plan/stages/questions";
import { claimBuilder } from "../run/claimBuilder";
import { runStage as run } from "../run/runStage";
import { stagePrograms } from "../stages/index";
import { openStore } from "../store/open";
import { Roots } from "../store/roots";

type Line = (text: string) => void;

/** `kragle stage NAME [KEY]`: what a command resource runs. One line of JSON in, one out; progress and errors on stderr. */
export async function runStage(stage: string, key?: string): Promise<number> {
  const stop = new AbortController();
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) {
    process.on(signal, () => stop.abort());
  }
  // where the parent was killed nobody waits for the result: a process that lost its parent gets another one
  const parent = process.ppid;
  setInterval(() => process.ppid === parent || stop.abort(), 1000).unref();
  startWatchdog(
    failureText(
      new StageFailure("this stage did not react any more, and was ended", {
        hint: "run the same command again; finished stages are kept",
      }),
    ),
  );
  const line = (text: string) => tell(text + "\n");
  try {
    const given = parsed(stage, await text(process.stdin));
    const answer = await answerTo({ stage, key }, given, line, stop.signal);
    print(JSON.stringify(answer) + "\n");
    return EXIT.done;
  } catch (error) {
    return tellFailure(error as Error);
  }
}

function parsed(name: string, line: string): unknown {
  try {
    return JSON.parse(line, requireText) as unknown;
  } catch (error) {
    const why = error instanceof RangeError ? "it is nested too deeply" : (error as Error).message;
    throw new CallError(name, [`stdin is to hold one line of JSON: ${why}`]);
  }
}

/** JSON can spell what has no UTF-8 form, and so neither digest nor file name. */
function requireText(key: string, value: unknown): unknown {
  for (const text of [key, value]) {
    if (typeof text === "string" && !text.isWellFormed()) {
      throw new Error(`${key.toWellFormed()} has half of a surrogate pair, which is no text`);
    }
  }
  return value;
}

async function answerTo(
  { stage: name, key }: Invocation,
  given: unknown,
  line: Line,
  signal: AbortSignal,
): Promise<object> {
  const site = thisSite();
  if (name === dockerBase.name) {
    const request = checkQuestion(dockerBase, given);
    const answer = await provideBuilderBase(site, request, { print: line, signal });
    // the image is Docker's, not the store's: nothing is published
    await claimBuilder(Roots.of(site.home, request), request);
    return answer;
  }
  if (name === handImage.name) {
    const request = checkQuestion(handImage, given);
    if (key === undefined)
      throw new CallError(name, ["the digest of what it is made of is missing"]);
    return provideHandImage(site, request, key, line, signal);
  }
  if (name === domainType.name)
    return chooseDomainType(site, checkQuestion(domainType, given), line);
  const program = Object.hasOwn(stagePrograms, name) ? stagePrograms[name] : undefined;
  if (!program) {
    const names = Object.keys(stagePrograms).join(", ");
    throw new StageFailure(`there is no stage "${name}"; there are ${names}`, {
      exitCode: EXIT.wrongSettings,
    });
  }
  return run(program, {
    store: openStore(site.home),
    executor: localDocker(site),
    call: given,
    key,
    marker: process.env[MARKER],
    secrets: secretsOf(process.env),
    print: line,
    signal,
  });
}

/** Prints a failure so that the engine can tell it from progress. */
function tellFailure(error: Error): number {
  const known = explainCall(error) ?? asFailure(error);
  tell(failureText(known ?? error));
  return known?.details.exitCode ?? EXIT.failed;
}

function failureText(error: Error): string {
  const text = error instanceof StageFailure ? error.text : (error.stack ?? error.message);
  return text.replace(/^/gm, FAILURE_PREFIX) + "\n";
}

function explainCall(error: Error): StageFailure | undefined {
  if (!(error instanceof CallError)) return undefined;
  return new StageFailure(error.message, {
    hint: 'run "./kragle up" (or "pulumi up"), which writes the call anew',
    exitCode: EXIT.wrongSettings,
  });
}

function secretsOf(environment: NodeJS.ProcessEnv): Record<string, string> {
  const names = Object.keys(environment).filter((name) => name.startsWith(SECRET));
  return Object.fromEntries(names.map((name) => [name.slice(SECRET.length), environment[name]!]));
}
