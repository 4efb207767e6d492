import { basename } from "node:path";

/** The program that a line such as "#! /bin/sh -e" names, and what follows, which Linux hands it as one word whatever is in it. */
function partsOf(first: string): { readonly program: string; readonly word: string } {
  const [, program = "", word = ""] = /^#![ \t]*(\S*)[ \t]*(.*)$/.exec(first.trimEnd()) ?? [];
  return { program, word };
}

const SPLIT = /^(?:-[iv0]*S|--split-string[= ])\s*/;

/** What a script is run by, as "#!/usr/bin/env python3" or "#! /bin/sh -e" say. */
export function interpreterOf(first: string): string {
  const { program, word } = partsOf(first);
  if (basename(program) !== "env") return program;
  const words = word.replace(SPLIT, "").split(/\s+/);
  for (let at = 0; at < words.length; at++) {
    if (/^(-u|--unset|-C|--chdir)$/.test(words[at]!)) at++;
    else if (!/^-|=/.test(words[at]!)) return words[at]! || program;
  }
  return program;
}

/**
 * Why env does not run the script by its first line: of `env -u X sh` it takes all behind env for the name of a variable, and prints
 * the others, with exit code 0 as if the script had run.
 */
export function envProblem(first: string): string | undefined {
  const { program, word } = partsOf(first);
  if (basename(program) !== "env" || SPLIT.test(word)) return undefined;
  if (word === "")
    return `its first line, ${first.trim()}, names no program; env would only print its variables`;
  if (!/^-|\s/.test(word)) return undefined;
  return `its first line, ${first.trim()}, does not run it, since env gets all that follows as one word; write #!${program} -S ${word}`;
}
