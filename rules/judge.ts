import type { Finding } from "../plan/stages/check";
import { type Entry, entries as listEntries, type Facts, unreadable } from "./facts";
import { compileExpression } from "./expression";
import { globRoot, matcher, pythonPattern } from "./glob";
import { followed, LINKED_FOLDERS } from "./links";
import { notRead, PROBED_CONTENTS, PROBED_PATHS, PROBES, type Verdict } from "./probes";
import { areaOf, type Assertion, type Rule } from "./rule";
import { SSHD_CONFIG, sshdValue, unreadInclude } from "./sshd";
import { writtenPath } from "./writtenPath";

type Conclusion = Pick<Finding, "status" | "detail">;

const PATHS_SHOWN = 5;

/**
 * Judges an image by rules. What could not be read is "not checked", never "passed".
 *
 * @param waivers reasons by the id of the rule that the image may break
 */
export function judge(
  rules: readonly Rule[],
  facts: Facts,
  waivers: Readonly<Record<string, string>> = {},
): Finding[] {
  const entries = listEntries(facts);
  return rules.map((rule) => {
    const { id, asserts, reason, source } = rule;
    const found = judgeOne(rule, facts, entries);
    const waiver = Object.hasOwn(waivers, id) ? waivers[id] : undefined;
    const status =
      waiver !== undefined && ["failed", "not checked"].includes(found.status)
        ? "waived"
        : found.status;
    const words = { id, area: areaOf(rule), asserts, reason, source };
    return { ...words, ...found, status, ...(waiver === undefined ? {} : { waiver }) };
  });
}

function judgeOne(rule: Rule, facts: Facts, entries: readonly Entry[]): Conclusion {
  const damaged = facts.disk.problems.length > 0;
  if ((damaged || facts.disk.backingFile !== null) && !isAboutFile(rule.assertion)) {
    return {
      status: "not checked",
      detail: `the qcow2 ${damaged ? "is damaged" : "needs another file"}`,
    };
  }
  const looksAt = [...pathsOf(rule.assertion), ...(rule.when ? [rule.when] : [])];
  const unseen = unreadable(facts).find((mount) =>
    looksAt.some((glob) => overlaps(mount, globRoot(glob))),
  );
  if (unseen) {
    return { status: "not checked", detail: `the file system at ${unseen} cannot be read` };
  }
  if (rule.when) {
    const matches = matcher([rule.when]);
    if (!entries.some(({ path }) => matches(path))) {
      return { status: "not applicable", detail: `there is no ${rule.when}` };
    }
  }
  return conclude(evaluate(rule.assertion, facts, entries));
}

/** Whether a rule looks at the qcow2 as a file, not at the disk in it. */
const isAboutFile = (assertion: Assertion) =>
  "probe" in assertion && assertion.probe.startsWith("qcow2");

/** Python's regular expressions of the paths whose content the rules need. */
export function neededContents(rules: readonly Rule[]): string[] {
  const globs = rules.flatMap(({ assertion }) => {
    if ("content" in assertion) return assertion.content;
    if ("sshd" in assertion) return SSHD_CONFIG;
    return [];
  });
  return [...new Set([...globs, ...PROBED_CONTENTS, ...LINKED_FOLDERS])].map(pythonPattern);
}

function pathsOf(assertion: Assertion): readonly string[] {
  if ("absent" in assertion) return assertion.absent;
  if ("anyOf" in assertion) return assertion.anyOf;
  if ("content" in assertion) return assertion.content;
  if ("sshd" in assertion) return SSHD_CONFIG;
  return PROBED_PATHS[assertion.probe] ?? [];
}

const overlaps = (a: string, b: string) => isBelow(a, b) || isBelow(b, a);
const isBelow = (path: string, folder: string) =>
  folder === "/" || `${path}/`.startsWith(`${folder}/`);

function evaluate(assertion: Assertion, facts: Facts, entries: readonly Entry[]): Verdict {
  if ("probe" in assertion) return PROBES[assertion.probe](facts, entries);
  if ("absent" in assertion) {
    const matches = matcher(assertion.absent);
    const { only, nonEmpty } = assertion;
    const counts = ({ type, bytes }: Entry) =>
      (!only || type === only) && (!nonEmpty || type !== "file" || bytes > 0);
    return shorten(
      entries.filter((e) => counts(e) && matches(e.path)).map(({ path }) => `${path} exists`),
    );
  }
  if ("anyOf" in assertion) {
    const matches = matcher(assertion.anyOf);
    return entries.some(({ path }) => matches(path))
      ? []
      : [`none of ${assertion.anyOf.join(", ")} exists`];
  }
  if ("sshd" in assertion) {
    const isConfig = matcher(SSHD_CONFIG);
    // a link's content is its target
    const link = entries.find(({ path, type }) => type === "link" && isConfig(path));
    if (link) return { notChecked: `${link.path} is a link, which is not followed` };
    const unread = firstUnread(SSHD_CONFIG, facts, entries);
    if (unread) return unread;
    const files = entries.filter(({ type }) => type !== "folder").map(({ path }) => path);
    const included = unreadInclude(facts.contents, files);
    if (included) return { notChecked: `${included}, which sshd_config includes, was not read` };
    const value = sshdValue(facts.contents, assertion.sshd) ?? assertion.byDefault;
    return assertion.allowed.includes(value.toLowerCase()) ? [] : [`${assertion.sshd} is ${value}`];
  }
  return (
    firstUnread(assertion.content, facts, entries) ?? evaluateContent(assertion, facts, entries)
  );
}

/** A file that a rule has to read, that is there, and that was not read: too large, a device, damaged. */
function firstUnread(globs: readonly string[], facts: Facts, entries: readonly Entry[]) {
  const matches = matcher(globs);
  const unread = entries.find(
    ({ path, type }) => type !== "folder" && matches(path) && !Object.hasOwn(facts.contents, path),
  );
  return unread && notRead(unread.path);
}

/** Of a link, `has` may also be said of its target's name, as of /etc/localtime. */
function evaluateContent(
  { content, has, lacks, required }: Extract<Assertion, { content: unknown }>,
  facts: Facts,
  entries: readonly Entry[],
): Verdict {
  const matches = matcher(content);
  const files = Object.entries(facts.contents).filter(([path]) => matches(path));
  if (files.length === 0) return required ? [`none of ${content.join(", ")} exists`] : [];
  const links = new Set(entries.flatMap(({ path, type }) => (type === "link" ? [path] : [])));
  const texts = files.flatMap(([path, text]) => {
    const behind = links.has(path) ? followed(path, facts, entries) : undefined;
    return [{ path, text }, ...(behind === undefined ? [] : [{ path, text: behind }])];
  });
  const pattern = compileExpression(has ?? lacks!);
  const found = texts.filter(({ text }) => text !== null && pattern.search(text) >= 0);
  const unread = texts.find(({ text }) => text === null);
  const notFollowed = unread && {
    notChecked: `${unread.path} is a link to a file that was not read; name that one, too`,
  };
  if (has !== undefined) {
    return found.length > 0 ? [] : (notFollowed ?? files.map(([path]) => path));
  }
  if (found.length === 0) return notFollowed ?? [];
  // never the text itself: it may be a password
  return shorten(
    found.map(({ path, text }) => {
      const line = text!.slice(0, pattern.search(text!)).split("\n").length;
      return `${path}, line ${line}`;
    }),
  );
}

function shorten(problems: readonly string[]): string[] {
  const more = problems.length - PATHS_SHOWN;
  return more > 0 ? [...problems.slice(0, PATHS_SHOWN), `and ${more} more`] : [...problems];
}

function conclude(verdict: Verdict): Conclusion {
  if ("notChecked" in verdict) {
    return { status: "not checked", detail: writtenPath(verdict.notChecked) };
  }
  if ("notApplicable" in verdict)
    return { status: "not applicable", detail: verdict.notApplicable };
  return verdict.length === 0
    ? { status: "passed" }
    : { status: "failed", detail: verdict.map(writtenPath).join("; ") };
}
