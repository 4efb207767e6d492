import type { z } from "zod";

import { type StageDescription, stageKey } from "../description";

/**
 * What a stage is to everybody who plans, declares, runs or reads it. The types of all of them follow from these four schemas, so
 * that a field that is missing, misspelt or renamed anywhere does not compile.
 */
export interface StageContract<
  Name extends string = string,
  Inputs extends z.ZodType = z.ZodType,
  Upstream extends z.ZodType = z.ZodType,
  Request extends z.ZodType = z.ZodType,
  Result extends z.ZodType = z.ZodType,
> {
  readonly stage: Name;
  /** Counts up when the stage's TypeScript changes so that its earlier results no longer count. */
  readonly version: number;
  /** Everything that the result depends on, and nothing else; files stand as their digests. In the key. */
  readonly inputs: Inputs;
  /** The results that it is made from: keys of stages, or the SHA-256 of a file where the name says so. In the key. */
  readonly upstream: Upstream;
  /** What the stage needs besides and the result does not depend on: places, limits, names. Not in the key. */
  readonly request: Request;
  /** What the stage tells when it is done, kept beside its files. */
  readonly result: Result;
}

/** Declares a contract; it only keeps the types. */
export const contract = <
  const Name extends string,
  Inputs extends z.ZodType,
  Upstream extends z.ZodType,
  Request extends z.ZodType,
  Result extends z.ZodType,
>(
  declared: StageContract<Name, Inputs, Upstream, Request, Result>,
): StageContract<Name, Inputs, Upstream, Request, Result> => declared;

export type InputsOf<C extends StageContract> = z.infer<C["inputs"]>;
export type UpstreamOf<C extends StageContract> = z.infer<C["upstream"]>;
export type RequestOf<C extends StageContract> = z.infer<C["request"]>;
export type ResultOf<C extends StageContract> = z.infer<C["result"]>;

/** The description of one stage; any of them is a {@link StageDescription}. */
export interface DescriptionOf<C extends StageContract> extends StageDescription {
  readonly stage: C["stage"];
  readonly inputs: InputsOf<C> & StageDescription["inputs"];
  readonly upstream: UpstreamOf<C> & StageDescription["upstream"];
}

/** One stage of a plan: what it declares, and the key that follows. */
export interface Planned<C extends StageContract> {
  readonly description: DescriptionOf<C>;
  /** 64 hex digits. */
  readonly key: string;
}

/** Plans a stage: its inputs and upstream make the key. */
export function plan<C extends StageContract>(
  { stage, version }: C,
  inputs: InputsOf<C>,
  upstream: UpstreamOf<C>,
): Planned<C> {
  const description = { stage, version, inputs, upstream } as DescriptionOf<C>;
  return { description, key: stageKey(description) };
}

/** The words of a schema's complaint, each with the field's name: `request.kernel: expected string, received undefined`. */
export const complaints = (place: string, { issues }: z.ZodError): string[] =>
  wordsOf([place], issues);

function wordsOf(place: readonly PropertyKey[], issues: readonly z.core.$ZodIssue[]): string[] {
  return issues.flatMap((issue) => {
    const path = [...place, ...issue.path];
    if (issue.code === "invalid_union" && issue.errors.length > 0) {
      const forms = issue.errors.map((form) => wordsOf(path, form));
      // the form that comes closest is the one that was meant
      return forms.reduce((a, b) => (b.length < a.length ? b : a));
    }
    const messages =
      issue.code === "unrecognized_keys"
        ? issue.keys.map((name) => `Unrecognized key: "${name}"`)
        : [issue.message];
    return messages.map((message) => `${path.join(".")}: ${message}`);
  });
}
