import { basename } from "node:path";

import { parse } from "yaml";
import { z } from "zod";

import { readText } from "../host/files";
import { inProject } from "../host/project";
import { RULES } from "./catalogue";
import { compileExpression } from "./expression";
import { matcher } from "./glob";
import type { Assertion, Rule } from "./rule";

/** Tells now what else would end the check. */
function compilesBy(compile: (text: string) => unknown) {
  return (text: string, context: z.RefinementCtx) => {
    try {
      compile(text);
    } catch (error) {
      context.addIssue({ code: "custom", message: (error as Error).message });
    }
  };
}

const glob = z
  .string()
  .regex(/^\//, "a path begins with /")
  .superRefine(compilesBy((text) => matcher([text])));

const globs = z
  .array(glob, {
    error: "write a list of paths, such as [/etc/motd]",
  })
  .min(1, "at least one path is needed");

const expression = z
  .string("write a regular expression")
  .superRefine(compilesBy(compileExpression));

const strict = <T extends z.ZodRawShape>(shape: T) =>
  z.strictObject(shape, {
    error: (issue) =>
      issue.code === "unrecognized_keys"
        ? `${issue.keys?.join(", ")} is unknown; allowed are ${Object.keys(shape).join(", ")}`
        : undefined,
  });

/** What a rule of a user may assert, by the word that tells the kinds apart; see `Assertion`. */
const KINDS = {
  absent: strict({
    absent: globs,
    only: z
      .enum(["file", "folder", "link", "other"], "allowed are file, folder, link, other")
      .optional(),
    nonEmpty: z.literal(true, "allowed is true").optional(),
  }),
  anyOf: strict({ anyOf: globs }),
  content: strict({
    content: globs,
    has: expression.optional(),
    lacks: expression.optional(),
    required: z.literal(true, "allowed is true").optional(),
  }).refine(({ has, lacks }) => (has === undefined) !== (lacks === undefined), {
    error: "write one of has and lacks",
  }),
  sshd: strict({
    sshd: z.string("write an option of sshd_config(5)"),
    allowed: z.array(z.string().toLowerCase(), "write a list of values").min(1),
    byDefault: z.string("write the value that holds where none is set"),
  }),
};

const assertion = z.record(z.string(), z.unknown()).transform((value, context): Assertion => {
  const kinds = Object.keys(KINDS).filter((kind) => kind in value) as (keyof typeof KINDS)[];
  if (kinds.length !== 1) {
    context.addIssue(`write one of ${Object.keys(KINDS).join(", ")}`);
    return z.NEVER;
  }
  const result = KINDS[kinds[0]!].safeParse(value);
  if (result.success) return result.data;
  for (const { path, message } of result.error.issues) {
    context.addIssue({ code: "custom", path, message });
  }
  return z.NEVER;
});

const sentence = (example: string) =>
  z.string(`write a sentence, such as "${example}"`).trim().min(1, "is empty");

const rule = strict({
  id: z
    .string('write an id, such as "site.banner"')
    .regex(/^[a-z][a-z0-9-]*\.[a-z0-9-]+$/, 'write it as "area.name" in lower case'),
  asserts: sentence("the banner names the owner"),
  assertion,
  reason: sentence("whoever logs in has to know whose machine it is"),
  source: sentence("our security policy, 4.2").optional(),
  when: glob.optional(),
});

const file = strict({ rules: z.array(z.unknown(), "write a list of rules") });

/** Everything that is wrong with a file of rules, so that it can be mended at once. */
export class RuleFileError extends Error {
  constructor(readonly problems: readonly string[]) {
    super(problems.join("; "));
  }
}

/**
 * Reads the user's own rules: YAML or JSON, `rules:` and a list in the shape of {@link Rule}; `source` may be missing, and
 * `probe` is for kragle's own.
 *
 * @param name of the file; stands as source of rules that name none
 * @param taken ids that are in use already
 * @throws RuleFileError
 */
export function parseRuleFile(text: string, name: string, taken: ReadonlySet<string>): Rule[] {
  const problems: string[] = [];
  const tell = (place: string, error: z.ZodError) => {
    for (const { path, message } of error.issues) {
      problems.push(`${[place, ...path.map(String)].filter(Boolean).join(".")}: ${message}`);
    }
  };
  const content = readFile(text);
  const rules: Rule[] = [];
  content.forEach((value, index) => {
    const result = rule.safeParse(value);
    if (!result.success) return tell(`rules[${index}]`, result.error);
    const { id } = result.data;
    if (taken.has(id) || rules.some((other) => other.id === id)) {
      problems.push(`rules[${index}].id: "${id}" is the id of another rule`);
    }
    return rules.push({ ...result.data, source: result.data.source ?? name });
  });
  if (problems.length > 0) throw new RuleFileError(problems);
  return rules;
}

/**
 * Reads the user's files of rules.
 *
 * @param paths relative to the project, or absolute
 * @param read gives the text of one; by default, as it is now
 * @throws RuleFileError with what is wrong in all of them
 */
export function readRuleFiles(
  paths: readonly string[],
  read = (path: string) => readText(inProject(path)),
): Rule[] {
  const taken = new Set(RULES.map(({ id }) => id));
  const rules: Rule[] = [];
  const problems: string[] = [];
  for (const path of paths) {
    try {
      const found = parseRuleFile(read(path), basename(path), taken);
      found.forEach(({ id }) => taken.add(id));
      rules.push(...found);
    } catch (error) {
      const missing = (error as NodeJS.ErrnoException).code === "ENOENT";
      const text = missing ? "there is no such file" : (error as Error).message;
      const lines = error instanceof RuleFileError ? error.problems : [text];
      problems.push(...lines.map((line) => `${path}: ${line}`));
    }
  }
  if (problems.length > 0) throw new RuleFileError(problems);
  return rules;
}

function readFile(text: string): unknown[] {
  let content: unknown;
  try {
    content = parse(text);
  } catch (error) {
    throw new RuleFileError([`it is not YAML: ${(error as Error).message.split("\n")[0]}`]);
  }
  const result = file.safeParse(content);
  if (!result.success) {
    throw new RuleFileError(
      result.error.issues.map(({ path, message }) => [...path.map(String), message].join(": ")),
    );
  }
  return result.data.rules;
}
