import { base } from "./base/base";
import { check } from "./check/check";
import { convert } from "./convert/convert";
import { image } from "./image/image";
import { publish } from "./publish/publish";
import { release } from "./release/release";
import { smoke } from "./smoke/smoke";
import type { StageContract } from "../plan/stages/contract";
import type { StageProgram } from "../run/stage";

/** Every stage that a command resource can run, by name. */
export const stagePrograms: Readonly<Record<string, StageProgram<StageContract>>> =
  Object.fromEntries(
    [base, image, check, convert, smoke, release, publish].map((program) => [
      program.contract.stage,
      program as unknown as StageProgram<StageContract>,
    ]),
  );
