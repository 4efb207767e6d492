import { z } from "zod";

import { expandHome } from "../host/user";
import { type Algorithm, ALGORITHMS } from "../plan/publishedDigest";

/** The kinds of values that settings have, each with a message that says what is allowed. */

export const quote = (value: unknown) =>
  typeof value === "string" ? `"${value}"` : JSON.stringify(value);

/** Text; YAML makes numbers and lists of some values that were meant as text, and can spell what is no text. */
export const text = (example: string) =>
  z
    .string({ error: (issue) => `${quote(issue.input)} is not text; write it as in "${example}"` })
    .refine((value) => value.isWellFormed() && !value.includes("\0"), {
      error: "contains NUL or half of a surrogate pair, which is no text",
    });

/** Text of which YAML may have made something else: a number, a truth value or a day stands for how it is written. */
export const spelled = (example: string) =>
  z
    .preprocess(
      (value) => (typeof value === "number" || typeof value === "boolean" ? String(value) : value),
      text(example).transform(withoutMidnight),
    )
    .meta({ type: ["string", "number", "boolean"] });

/** A check by a function that says what is wrong with a value; undefined where nothing is. */
export const refusing =
  <T>(problem: (value: T) => string | undefined) =>
  (value: T, context: z.RefinementCtx): void => {
    const message = problem(value);
    if (message !== undefined) context.addIssue({ code: "custom", message });
  };

/** The path of a file or folder, relative to the project or absolute; `~/` is the home folder of whoever runs kragle. */
export const path = (example: string) =>
  text(example)
    .refine((value) => value.trim() !== "", { error: `is empty; write a path, as in "${example}"` })
    .refine((value) => !/^~[^/]/.test(value), {
      error: ({ input }) =>
        `${quote(input)} is another user's home; write the whole path, or ./~ for a folder of that name`,
    })
    .transform(expandHome);

/** Turns a parser that throws into a zod check, so that every wrong setting ends in one list. */
export function parsed<T>(example: string, parse: (text: string) => T) {
  return text(example).transform((value, context): T => {
    try {
      return parse(value);
    } catch (error) {
      context.addIssue({ code: "custom", message: (error as Error).message });
      return z.NEVER;
    }
  });
}

export const oneOf = <const T extends readonly string[]>(values: T) =>
  z.enum(values, {
    error: (issue) => `${quote(issue.input)} is not allowed; allowed are ${values.join(", ")}`,
  });

/** Empty text counts as not given: a default in Pulumi.yaml cannot be null. */
export const optional = <T extends z.ZodType>(schema: T) =>
  z.preprocess((value) => (value === "" || value === undefined ? null : value), schema.nullable());

/**
 * A value, or `off`, of which YAML makes a false.
 *
 * @param none what `off` means
 * @param what the value is to be, for a message
 */
export const orOff = <T extends z.ZodType, const N>(type: T, none: N, what: string) =>
  z.preprocess(
    (value) => (value === false || value === "false" ? "off" : value),
    z.union([z.literal("off").transform(() => none), type], {
      error: ({ input }) => `${quote(input)} is not allowed; write off or ${what}`,
    }),
  );

export const flag = z.preprocess(
  (value) => (value === "true" ? true : value === "false" ? false : value),
  z.boolean({
    error: (issue) => `${quote(issue.input)} is not allowed; allowed are true, false`,
  }),
);

export const wholeNumber = (least: number, most: number, what = "a whole number") => {
  const error = notFrom(what, least, most);
  return z.preprocess(
    fromText(/^\d+$/),
    z.int({ error }).min(least, { error }).max(most, { error }),
  );
};

export const decimal = (least: number, most: number, what: string) => {
  const error = notFrom(what, least, most);
  return z.preprocess(
    fromText(/^\d+(\.\d+)?$/),
    z.number({ error }).min(least, { error }).max(most, { error }),
  );
};

const notFrom = (what: string, least: number, most: number) => (issue: { input?: unknown }) =>
  `${quote(issue.input)} is not allowed; write ${what} from ${least} to ${most}`;

/** A number may come as text. */
const fromText = (pattern: RegExp) => (value: unknown) =>
  typeof value === "string" && pattern.test(value) ? Number(value) : value;

/** A list or an object may come as JSON text: that is how Pulumi hands structured configuration over. */
export const structured = <T extends z.ZodType>(schema: T) =>
  z.preprocess((value) => {
    if (typeof value !== "string") return value;
    try {
      return JSON.parse(value) as unknown;
    } catch {
      return value;
    }
  }, schema);

/**
 * An object that may be written as the text of one of its properties alone. Editors are told both forms.
 *
 * @param short that property
 * @param properties as JSON Schema has them
 */
export const orShort = <T extends z.ZodType>(
  short: string,
  properties: Readonly<Record<string, object>>,
  full: T,
) =>
  z
    .unknown()
    .meta({
      anyOf: [
        { type: "string" },
        { type: "object", properties, required: [short], additionalProperties: false },
      ],
    })
    .pipe(z.preprocess((value) => (typeof value === "string" ? { [short]: value } : value), full));

export const listOf = (what: string) => ({
  error: (issue: { input?: unknown }) =>
    `${quote(issue.input)} is not a list; write a list of ${what}`,
});

/** @param allowed the keys that an object may have, with their verb: "are a, b" */
export const onlyKeys = (allowed: string, example: string) => ({
  error: (issue: z.core.$ZodRawIssue) =>
    issue.code === "unrecognized_keys"
      ? `${issue.keys.join(", ")} is unknown; allowed ${allowed}`
      : `${quote(issue.input)} is not allowed; write ${example}`,
});

/**
 * For an object with several kinds, each with its own options.
 *
 * @param shape what it may have
 * @param kind such as "this place"
 */
export const onlyOptions = (shape: z.ZodRawShape, kind: string) => ({
  error: (issue: z.core.$ZodRawIssue) =>
    issue.code === "unrecognized_keys"
      ? `${issue.keys.join(", ")} is no option of ${kind}; allowed are ${Object.keys(shape).join(", ")}`
      : undefined,
});

/** A secret value: no message repeats it. "{{" is refused, since Packer would read it as a command of its templates. */
export const credential = optional(
  z
    .string({ error: "is not text; put it in quotes" })
    .refine((value) => !value.includes("{{"), 'contains "{{", which Packer cannot take'),
);

/** A digest, in small letters. */
export function digest(algorithm: Algorithm) {
  const { title, digits } = ALGORITHMS[algorithm];
  return z
    .string({
      error: ({ input }) =>
        `${quote(input)} is not text; write the ${digits} hexadecimal digits in quotes`,
    })
    .regex(new RegExp(`^[0-9A-Fa-f]{${digits}}$`), {
      error: ({ input }) =>
        `${quote(input)} is not a ${title}, which has ${digits} hexadecimal digits${otherDigest(input)}`,
    })
    .transform((hex) => hex.toLowerCase());
}

/** Said of one of another kind. */
function otherDigest(input: unknown): string {
  const digits = typeof input === "string" && /^[0-9A-Fa-f]+$/.test(input) ? input.length : 0;
  const other = Object.values(ALGORITHMS).find((algorithm) => algorithm.digits === digits);
  return other ? `; it has the ${digits} of a ${other.title}` : "";
}

/** A day as it was written: the Pulumi CLI makes a time of one without quotes, which YAML calls a timestamp. */
export function withoutMidnight(text: string): string {
  return text.replace(/(?<=^\d{4}-\d{2}-\d{2}) 00:00:00 \+0000 UTC$/, "");
}

/** A day such as "2026-11-01". */
export const day = text("2026-11-01")
  .transform(withoutMidnight)
  .refine(isDay, {
    error: (issue) => `${quote(issue.input)} is not a day; write it as in 2026-11-01`,
  });

function isDay(text: string): boolean {
  const time = Date.parse(`${text}T00:00:00Z`);
  return (
    /^\d{4}-\d{2}-\d{2}$/.test(text) &&
    !Number.isNaN(time) &&
    new Date(time).toISOString().startsWith(text)
  );
}
