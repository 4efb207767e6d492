import { closeSync, openSync, readSync, statSync } from "node:fs";
import { basename, dirname } from "node:path";

import { inProject } from "../host/project";
import type { ImageSpec } from "../plan/imageSpec";
import { envProblem, interpreterOf } from "./firstLine";

/** What keeps a provisioning script from running, as far as its file tells; undefined where nothing does. */
export function scriptProblem(path: string): string | undefined {
  const file = inProject(path);
  if (!statSync(file, { throwIfNoEntry: false })?.isFile()) return `"${path}" is not a file`;
  const content = beginningOf(path);
  if (content.toString("latin1").trim() === "") return `"${path}" is empty`;
  const encoding = encodingOf(content);
  if (encoding !== undefined) {
    return `"${path}" begins with the byte-order mark of ${encoding}, before which the guest sees no first line; save it as UTF-8 without one`;
  }
  const first = firstLineOf(content);
  const misled = first === undefined ? undefined : envProblem(first);
  if (misled !== undefined) return `"${path}": ${misled}`;
  const line = windowsLine(content);
  if (line === undefined) return undefined;
  return `"${path}" has Windows line ends (CRLF, first in line ${line}), which the guest's shell takes for part of the commands; save it with LF`;
}

/** The same for a test, whose first line has to say what runs it: nobody guesses a shell for it. */
export function testProblem(path: string): string | undefined {
  const problem = scriptProblem(path);
  if (problem !== undefined) return problem;
  const first = firstLine(path);
  if (first === undefined || (first.startsWith("#!") && interpreterOf(first) !== "")) return;
  return `"${path}" has no first line such as "#!/bin/sh", which says what runs it`;
}

/** The encoding whose byte-order mark is at the beginning; packer_template.py judges in the same way: test/vectors/scriptEncodings.json. */
export function encodingOf(content: Buffer): string | undefined {
  const hex = content.toString("hex", 0, 3);
  if (hex === "efbbbf") return "UTF-8";
  return /^(fffe|feff)/.test(hex) ? "UTF-16" : undefined;
}

/**
 * The number of the first line that ends with CRLF. Of what is no text, such as a self-extracting installer, only the first line counts.
 * builder/stages/common/packer_template.py judges in the same way: test/vectors/scriptLineEnds.json.
 */
export function windowsLine(content: Buffer): number | undefined {
  const end = content.indexOf("\r\n");
  if (end < 0) return undefined;
  const before = content.subarray(0, end).filter((byte) => byte === 0x0a).length;
  // oxlint-disable-next-line no-control-regex
  const isText = !/[\x00-\x06\x0e-\x1a\x1c-\x1f]/.test(content.toString("latin1"));
  const isHeader = before === 0 && content.subarray(0, 2).equals(Buffer.from("#!"));
  return isText || isHeader ? before + 1 : undefined;
}

const DEBIANS = ["sh", "bash", "dash", "rbash", "perl", "python3", "awk", "mawk", "sed"];
const RED_HATS = ["sh", "bash", "python", "python2", "awk", "gawk", "sed"];
/** What the templates' systems bring along to run scripts by, in /bin and /usr/bin. */
const INTERPRETERS: Readonly<Record<string, readonly string[]>> = {
  ...{ debian12: DEBIANS, debian13: DEBIANS },
  ...{ rhel7: RED_HATS, centos7: RED_HATS },
};

/** What is probably not meant, a line each: scripts that stand in the list twice, that name no interpreter, or one that the guest lacks. */
export function scriptWarnings({ provision: steps, template }: ImageSpec): string[] {
  const provision = steps.flatMap((step) => (step.kind === "script" ? [step.script] : []));
  const twice = new Set(provision.filter((path, index) => provision.indexOf(path) !== index));
  return [
    ...[...twice].map((path) => `"${path}" stands in the list twice, and runs twice`),
    ...[...new Set(provision)].flatMap((path) => {
      const first = firstLine(path);
      if (first === undefined) return [];
      if (!first.startsWith("#!")) {
        return [`"${path}" has no first line such as "#!/bin/sh"; the guest's sh runs it`];
      }
      return unknownInterpreter(path, first, template, "an earlier script has to install it");
    }),
  ];
}

/** The same for tests. One that stands in the list twice, with other arguments perhaps, is meant so. */
export const testWarnings = ({ tests, template }: ImageSpec): string[] =>
  [...new Set(tests.map(({ script }) => script))].flatMap((path) => {
    const first = firstLine(path);
    const advice = "your provisioning has to install it";
    return first === undefined ? [] : unknownInterpreter(path, first, template, advice);
  });

/** @param first the script's first line */
function unknownInterpreter(
  path: string,
  first: string,
  { name }: ImageSpec["template"],
  advice: string,
): string[] {
  const has = INTERPRETERS[name];
  const asked = interpreterOf(first);
  const isThere =
    has === undefined ||
    (has.includes(basename(asked)) && ["/bin", "/usr/bin", "."].includes(dirname(asked)));
  if (isThere) return [];
  return [
    `"${path}" is run by ${asked} (its first line), which ${name} does not bring along; ${advice}`,
  ];
}

/** Bytes that are looked at: self-extracting installers have gigabytes, more than fit into memory. */
const LOOKED_AT = 2 ** 20;

/** Whether a word stands in a script, as far as it is looked at. */
export const mentions = (path: string, word: string): boolean => beginningOf(path).includes(word);

function beginningOf(path: string): Buffer {
  const file = openSync(inProject(path), "r");
  try {
    const buffer = Buffer.alloc(LOOKED_AT);
    return buffer.subarray(0, readSync(file, buffer));
  } finally {
    closeSync(file);
  }
}

/** The script's first line; undefined for a program, which needs none. */
const firstLine = (path: string) => firstLineOf(beginningOf(path));

function firstLineOf(content: Buffer): string | undefined {
  const text = content.toString("latin1", 0, 4096);
  return text.startsWith("\x7fELF") ? undefined : text.split("\n", 1)[0]!;
}
