import { asFailure, EXIT } from "../host/failure";
import { endOutput, print, say, tell, watchStreams } from "../host/output";
import type { Lacking } from "./dockerPlan";
import { type Done, setUp } from "./setUp";

const given = (option: string) => process.argv.includes(option);
const json = given("--json");
const line = (text: string) => (json ? tell : say)(`${text}\n`);
const terminal = process.stdin.isTTY && process.stderr.isTTY;

/** @returns the exit code */
function report(result: Done | Lacking): number {
  if (result.kind === "lacking") return reportFailure(result.message, result.next, EXIT.lacking);
  const { kind: _, ...facts } = result;
  if (json) print(JSON.stringify(facts) + "\n");
  else {
    const did = facts.changed ? "done" : "nothing to do";
    line(`set-up: ${did} (Node ${facts.node}, Docker ${facts.docker})`);
  }
  return EXIT.done;
}

function reportFailure(message: string, next: string | undefined, exitCode: number): number {
  tell(`set-up: ${message}\n${next ? `  next: ${next}\n` : ""}`);
  if (json) print(JSON.stringify({ error: message, exitCode }) + "\n");
  return exitCode;
}

watchStreams();
void setUp({
  terminal,
  agreed: given("--yes") || !terminal,
  changed: given("--did-something"),
  print: line,
})
  .then(report, (error: Error) => {
    const failure = asFailure(error);
    const { hint, exitCode = EXIT.failed } = failure?.details ?? {};
    return reportFailure(`failed: ${failure?.message ?? error.stack}`, hint, exitCode);
  })
  .then((exitCode) => {
    process.exitCode = endOutput(exitCode);
  });
