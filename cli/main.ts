import { CommanderError } from "commander";

import { EXIT } from "../host/failure";
import { endOutput, print, tell, watchStreams } from "../host/output";
import { runVerb } from "./verbs";

/** Tells a failure, with --json as a document too. @returns its exit code */
async function reportFailure(error: Error): Promise<number> {
  const json = (message: string, exitCode: number) => {
    if (process.argv.includes("--json")) print(JSON.stringify({ error: message, exitCode }) + "\n");
    return exitCode;
  };
  if (error instanceof CommanderError) {
    // commander has told it; help and version are no failures
    return error.exitCode === 0 ? EXIT.done : json(error.message, EXIT.wrongSettings);
  }
  const { describeFailure } = await import("./failure");
  const { message, exitCode } = describeFailure(error);
  tell(`${message}\n`);
  return json(message, exitCode);
}

watchStreams();
void runVerb()
  .catch(reportFailure)
  // exits at once, since all is written: idle connections to Docker would keep the process alive
  .then((exitCode) => process.exit(endOutput(exitCode)));
