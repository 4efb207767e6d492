import { z } from "zod";

import type { UserTest } from "../plan/imageSpec";
import { testProblem } from "./scripts";
import { decimal, listOf, onlyKeys, orShort, path, refusing, spelled, structured } from "./values";

const EXAMPLE = '{"script": "tests/port.sh", "args": ["8080"], "timeout": 2}';

const script = path("tests/port.sh").superRefine(refusing(testProblem));

const shape = z
  .strictObject(
    {
      script,
      args: z.array(spelled("8080"), listOf("texts")).default([]),
      timeout: decimal(0.1, 10_000, "minutes").optional(),
    },
    onlyKeys("are script, args, timeout", `the path of a script, or ${EXAMPLE}`),
  )
  .transform(({ timeout, ...rest }): UserTest => ({
    ...rest,
    timeoutSeconds: timeout === undefined ? undefined : timeout * 60,
  }));

const test = orShort(
  "script",
  {
    script: {
      type: "string",
      description: "A script's path, relative to the project; it passes with exit code 0",
    },
    args: {
      type: "array",
      items: { type: ["string", "number", "boolean"] },
      description: "Arguments of the script",
    },
    timeout: {
      type: "number",
      description:
        "Minutes that it may take, ten times as long under software emulation; `timeouts.smoke` where none is given",
    },
  },
  shape,
);

/** The setting `tests`: the user's own checks of the booted image. */
export const tests = structured(z.array(test, listOf("paths of scripts")));
