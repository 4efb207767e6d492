import { dirname, relative } from "node:path";

import { z } from "zod";

import { inProject } from "../host/project";
import type { ProvisionStep, StepKind } from "../plan/steps";
import { parseDuration } from "../plan/units";
import { playbookProblems } from "./playbook";
import { argument, fileCopy, lines, packageName, script } from "./stepFields";
import { suggest } from "./suggest";
import {
  decimal,
  flag,
  listOf,
  onlyOptions,
  parsed,
  path,
  quote,
  structured,
  text,
} from "./values";
import { secretName, variables } from "./variables";

/** The setting `provision`: each entry is a step of one kind and judged by itself, so that every problem is told at once. */

const options = {
  name: text("the application")
    .refine((name) => /^\S[^\r\n]*$/.test(name), "must be one line of text")
    .optional()
    .describe("What messages call the step, one line; what it does where none is given"),
  timeout: decimal(0.1, 10_000, "minutes")
    .optional()
    .describe(
      "Minutes that it may take, ten times as long under software emulation; `timeouts.script` where none is given",
    ),
  always: flag
    .default(false)
    .describe("`true`: it runs in every build, so that every run makes a new image"),
  refreshAfter: parsed("7 days", parseDuration)
    .optional()
    .describe(
      "Age at which the step counts as changed, such as `7 days`; never where none is given",
    ),
};

type Options = z.infer<z.ZodObject<typeof options>>;

const environment = {
  variables: variables
    .default({})
    .describe(
      "Environment variables by name, of a playbook its extra variables; they count more than those of the image",
    ),
  secrets: z
    .array(secretName, listOf("names of secrets"))
    .default([])
    .describe("Names of the image's secrets that it gets, as variables"),
};

function shape<S extends z.ZodRawShape>(kind: StepKind, own: S) {
  const all = { ...own, ...options };
  return z.strictObject(all, onlyOptions(all, `a step of kind ${kind}`));
}

const common = ({ name, timeout, always, refreshAfter }: Options) => ({
  name: name ?? null,
  timeout: timeout === undefined ? null : timeout * 60,
  always,
  refreshAfter: refreshAfter ?? null,
});

/** How a step of each kind is written. */
const KINDS = {
  script: shape("script", {
    script: script.describe(
      "A script's path, relative to the project; it runs by its first line, such as `#!/bin/sh`",
    ),
    args: z.array(argument, listOf("arguments")).default([]).describe("Arguments of the script"),
    ...environment,
  }).transform(({ script, args, variables, secrets, ...rest }): ProvisionStep => ({
    ...{ kind: "script", script, args, variables, secrets },
    ...common(rest),
  })),
  run: shape("run", {
    run: lines.describe("Lines that `/bin/sh -e` runs, or what their first line names"),
    ...environment,
  }).transform(({ run, variables, secrets, ...rest }): ProvisionStep => ({
    ...{ kind: "run", run, variables, secrets },
    ...common(rest),
  })),
  packages: shape("packages", {
    packages: z
      .array(packageName, listOf("names of packages"))
      .min(1, "names no package")
      .describe(
        "Packages that the system's own manager installs, all at once; `nginx=1.22.1-9` for a version",
      ),
  }).transform(({ packages, ...rest }): ProvisionStep => ({
    ...{ kind: "packages", packages },
    ...common(rest),
  })),
  files: shape("files", {
    files: z
      .array(fileCopy, listOf("objects such as {from, to, mode, owner}"))
      .min(1, "names no file")
      .describe("Files and folders of the project that are copied into the guest"),
  }).transform(({ files, ...rest }): ProvisionStep => ({
    ...{ kind: "files", files },
    ...common(rest),
  })),
  ansible: shape("ansible", {
    ansible: path("ansible/site.yml").describe(
      "A playbook's path; Ansible runs in the builder's container, the guest needs Python only",
    ),
    folder: path("ansible")
      .optional()
      .describe("The folder that comes along with it, where that is not the playbook's own"),
    ...environment,
  }).transform(
    (
      { ansible, folder = dirname(ansible), variables, secrets, ...rest },
      context,
    ): ProvisionStep => {
      for (const message of playbookProblems(ansible, folder)) {
        context.addIssue({ code: "custom", path: ["ansible"], message });
      }
      const playbook = relative(inProject(folder), inProject(ansible));
      return { ...{ kind: "ansible", playbook, folder, variables, secrets }, ...common(rest) };
    },
  ),
  reboot: shape("reboot", {
    reboot: flag
      .pipe(z.literal(true, "must be true"))
      .describe("`true` restarts the guest and waits for it"),
  }).transform(({ reboot: _, ...rest }): ProvisionStep => ({ kind: "reboot", ...common(rest) })),
} satisfies Record<StepKind, z.ZodType<ProvisionStep>>;

const NAMES = Object.keys(KINDS) as StepKind[];

type Say = (path: PropertyKey[], message: string) => void;

function parseStep(entry: unknown, say: Say): ProvisionStep | undefined {
  const given = typeof entry === "string" ? { script: entry } : entry;
  if (typeof given !== "object" || given === null || Array.isArray(given)) {
    say([], `${quote(entry)} is no step; write the path of a script, or ${inWords()}`);
    return undefined;
  }
  const [kind, ...others] = NAMES.filter((name) => Object.hasOwn(given, name));
  if (kind === undefined) {
    const keys = Object.keys(given);
    const meant = keys.map((key) => suggest(key, NAMES)).find((name) => name !== undefined);
    say([], `has no kind; ${meant ? `did you mean ${meant}` : `write ${inWords()}`}`);
    return undefined;
  }
  if (others.length > 0) {
    say([], `has several kinds, ${[kind, ...others].join(" and ")}; write a step for each`);
    return undefined;
  }
  const { data, error } = KINDS[kind].safeParse(given);
  for (const { path, message } of error?.issues ?? []) {
    // the script of a plain entry has no name there
    say(typeof entry === "string" ? [] : path, message);
  }
  return data;
}

const inWords = () => `one of ${NAMES.map((name) => `{${name}: …}`).join(", ")}`;

/** What editors are told of an entry. */
const { $schema: _, ...items } = z.toJSONSchema(z.union([z.string(), ...Object.values(KINDS)]), {
  io: "input",
  target: "draft-7",
  unrepresentable: "any",
});

export const provision = structured(
  z
    .array(z.unknown(), listOf("steps"))
    .meta({ items })
    .transform((entries, context): ProvisionStep[] =>
      entries.flatMap((entry, index) => {
        const say: Say = (path, text) => {
          const message = `step ${index + 1}: ${text}`;
          context.addIssue({ code: "custom", path: [index, ...path], message });
        };
        return parseStep(entry, say) ?? [];
      }),
    ),
);
