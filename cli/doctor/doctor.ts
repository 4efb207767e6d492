import { styleText } from "node:util";

import { EXIT } from "../../host/failure";
import { print } from "../../host/output";
import { asCalledHere } from "../../host/project";
import { isAnotherProgram } from "../anotherProgram";
import type { CommonOptions } from "../options";
import { examine } from "./examine";
import { readWanted } from "./readWanted";
import type { Requirement, Status } from "./requirements";

/** `kragle doctor`: what this machine has and lacks for a stack's settings, or for any image. Exit code 3 where something is missing. */
export async function doctor({ stack, json }: CommonOptions): Promise<number> {
  const requirements = await examine(readWanted(stack), stack);
  const count = (status: Status) =>
    requirements.filter((requirement) => requirement.status === status).length;
  const [missing, degraded] = [count("missing"), count("degraded")];
  if (json) {
    print(JSON.stringify({ stack, missing, degraded, requirements }) + "\n");
  } else {
    const what = isAnotherProgram() ? "images" : `stack ${stack}`;
    const summary = missing
      ? `${missing} missing: ${what} cannot be built here before that is mended`
      : `nothing is missing${degraded ? `, ${degraded} with a drawback` : ""}: ${what} can be built here`;
    print(`${describe(requirements)}\n${summary}\n`);
  }
  // as `up` would end
  if (requirements.some(({ wrongSettings }) => wrongSettings)) return EXIT.wrongSettings;
  return missing ? EXIT.lacking : EXIT.done;
}

const COLORS = { ok: "green", degraded: "yellow", missing: "red" } as const;

/** One line a requirement, aligned, and below it what to do. */
export function describe(requirements: readonly Requirement[]): string {
  const width = Math.max(...requirements.map(({ name }) => name.length));
  const lines = requirements.flatMap(({ name, status, found, need, next }) => {
    const indent = " ".repeat("degraded".length + width + 4);
    const inColumn = (text: string) => text.split("\n").join(`\n${indent}`);
    // padded before it is coloured: escape sequences have no width
    const word = styleText(COLORS[status], status.padEnd("degraded".length), {
      stream: process.stdout,
    });
    return [
      `${word}  ${name.padEnd(width)}  ${inColumn(found)}`,
      ...(status === "ok"
        ? []
        : [`${indent}needed: ${need}`, `${indent}next: ${asCalledHere(next)}`]),
    ];
  });
  return lines.map((line) => line + "\n").join("");
}
