import { once } from "node:events";
import { createInterface } from "node:readline/promises";

import { interruptedBy } from "./interrupt";

/**
 * Asks somebody at the terminal, on stderr: what stands on stdout may be read by a program.
 *
 * @returns the answer without blanks around it; undefined at the end of the input
 * @throws StageFailure with the exit code of Ctrl-C where that is the answer
 */
export async function ask(question: string): Promise<string | undefined> {
  const reader = createInterface({ input: process.stdin, output: process.stderr });
  const interrupted = once(reader, "SIGINT").then(() => {
    throw interruptedBy("SIGINT");
  });
  const closed = once(reader, "close").then(() => undefined);
  try {
    // Ctrl-C rejects the question itself, too, in the words of Node
    const answer = reader.question(question).catch(() => interrupted);
    return (await Promise.race([answer, interrupted, closed]))?.trim();
  } finally {
    reader.close();
  }
}
