import { base } from "./base";
import { check } from "./check";
import { convert } from "./convert";
import { image } from "./image";
import { publish } from "./publish";
import { release } from "./release";
import { smoke } from "./smoke";
import type { StageProgram } from "./stage";

/** Every stage that a command resource can run, by name. */
export const stagePrograms: Readonly<Record<string, StageProgram<never>>> = Object.fromEntries(
  [base, image, check, convert, smoke, release, publish].map((program) => [
    program.name,
    program as unknown as StageProgram<never>,
  ]),
);
