import type { Argument, Command, Option } from "commander";

import { stackNames } from "../host/project";
import { suggest } from "../settings/suggest";

/**
 * Refuses what commander takes: an empty word, most often a variable that is not set, and a word too many. Either would make a
 * command do something else than was meant.
 *
 * @throws CommanderError after it has told what is wrong
 */
export function checkArguments(command: Command): void {
  const { args, registeredArguments } = command;
  registeredArguments.forEach((argument, index) => {
    const words = argument.variadic ? args.slice(index) : args.slice(index, index + 1);
    if (words.includes("")) refuse(command, `argument '${nameOf(argument)}' is empty`);
  });
  for (const option of command.options) {
    const problem = emptiness(command, option);
    if (problem) refuse(command, problem);
  }
  const [allowed, found] = [registeredArguments.length, args.length];
  if (found <= allowed || registeredArguments.at(-1)?.variadic) return;
  const expected = `Expected ${allowed} argument${allowed === 1 ? "" : "s"} but got ${found}`;
  const message = `too many arguments for '${command.name()}'. ${expected}: ${args.join(", ")}.`;
  const hint = meantStack(command, args);
  refuse(command, hint ? `${message}\n(Did you mean -s ${hint}?)` : message);
}

const nameOf = (argument: Argument) => argument.name();

function emptiness(command: Command, option: Option): string | undefined {
  const name = option.attributeName();
  const values: unknown[] = [command.getOptionValue(name)].flat();
  if (!values.includes("")) return undefined;
  return command.getOptionValueSource(name) === "env"
    ? `the environment variable ${option.envVar} is empty; unset it, or name a stack`
    : `option '${option.flags}' argument is empty`;
}

/** The stack that one of the words names, or nearly does, where the command takes one. */
function meantStack(command: Command, args: readonly string[]): string | undefined {
  if (!command.options.some(({ long }) => long === "--stack")) return undefined;
  const names = stackNames();
  const extra = args.slice(command.registeredArguments.length);
  return (
    args.find((word) => names.includes(word)) ??
    // a short word is near to anything
    extra.map((word) => (word.length > 2 ? suggest(word, names) : undefined)).find(Boolean)
  );
}

function refuse(command: Command, message: string): never {
  return command.error(`error: ${message}`, { code: "kragle.arguments" });
}
