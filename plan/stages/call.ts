import { z } from "zod";

import type { StageDescription } from "../description";
import type { StackName } from "../identity";
import type { Question, RequestTo } from "./questions";
import { complaints, type RequestOf, type ResultOf, type StageContract } from "./contract";

/** What a stage's command has on stdin, as one line of JSON. */
export interface StageCall<C extends StageContract = StageContract> extends StackName {
  /** Under which name the stack keeps the result, such as `image` or `convert-raw`. */
  readonly root: string;
  readonly description: StageDescription;
  readonly request: RequestOf<C>;
}

/** What it prints on stdout, as one line of JSON; store-relative, and without anything secret. */
export interface StageAnswer<C extends StageContract = StageContract> {
  readonly stage: C["stage"];
  readonly key: string;
  /** ISO 8601. */
  readonly publishedAt: string;
  readonly result: ResultOf<C>;
  /**
   * From where the result's relative paths lead, where it names files outside of the store: the folder of the project for which the
   * command ran. In the state of another clone it still is that one.
   */
  readonly folder?: string;
  /** The artifact's files by their paths in it. */
  readonly files: Readonly<Record<string, { readonly sha256: string; readonly bytes: number }>>;
}

/** A call that does not fit its contract; each problem has the field's name. */
export class CallError extends Error {
  constructor(
    stage: string,
    readonly problems: readonly string[],
  ) {
    super(
      [`the call of stage ${stage} is not one that this kragle understands:`, ...problems].join(
        "\n  ",
      ),
    );
  }
}

/**
 * Checks a call against the stage's contract.
 *
 * @param call whatever stood on stdin: a program of this version, an older state, or somebody by hand may have written it
 * @throws CallError
 */
export function checkCall<C extends StageContract>(
  { stage, version, inputs, upstream, request }: C,
  call: unknown,
): StageCall<C> {
  const shape = z.strictObject({
    project: z.string().min(1),
    stack: z.string().min(1),
    root: z.string().min(1),
    description: z.strictObject({
      stage: z.literal(stage),
      version: z.literal(version),
      inputs,
      upstream,
    }),
    request,
  });
  const checked = shape.safeParse(call);
  if (!checked.success) throw new CallError(stage, complaints("call", checked.error));
  // what was checked, not what the schemas made of it: the key is that of the very text
  return call as StageCall<C>;
}

/**
 * The same for a question beside the stages.
 *
 * @throws CallError
 */
export function checkQuestion<Q extends Question>(
  { name, request }: Q,
  given: unknown,
): RequestTo<Q> {
  const checked = request.safeParse(given);
  if (!checked.success) throw new CallError(name, complaints("request", checked.error));
  return checked.data as RequestTo<Q>;
}
