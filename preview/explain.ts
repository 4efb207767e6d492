import { type Change, changedInputs, type StageDescription } from "../plan/description";
import { type ImageSpec, releaseName } from "../plan/imageSpec";
import { counted, formatSize } from "../plan/units";
import type { Root } from "../store/roots";
import { type ExplainedChange, explainSteps, stepOf } from "./explainSteps";
import { templateScripts, userTests } from "./inputFiles";

/** Inputs that a user knows by another name than the description does. */
const SETTINGS: Readonly<Record<string, string>> = {
  diskBytes: "diskSize",
  memoryMiB: "memory",
  prebuilt: "builderImage",
  driver: "smoke",
  format: "formats",
  files: "formats",
  options: "formats",
  signer: "signKey",
  rules: "kragle's check rules",
  ownRules: "check.rules",
  waive: "check.waive",
  testArguments: "tests.args",
  sourceSha256: "the disk of from",
  sourceSha512: "the disk of from",
  sourceFormat: "from.format",
  version: "kragle's program of this stage",
};

/** Changes that follow from another one which is told: a release gets and loses files with its conversions, and one below has another image. */
function isImplied(stage: string, { path, before, after }: Change, changes: readonly Change[]) {
  const [kind, name] = path;
  if (stage === "release" && kind === "inputs" && name === "files") {
    return before === undefined || after === undefined;
  }
  if (stage !== "image" || kind !== "upstream" || name !== "image") return false;
  const released = changes.find((one) => one.path[1] === RELEASED);
  // one that is on no release any more, and on another image instead: that has to be told
  return released !== undefined && (released.after !== undefined || after === undefined);
}

/** By what content the release of another stack stands in an image's upstream. */
const RELEASED = "releasedSha256";

/**
 * Says why a stage's key is another than the one that the stack used last.
 *
 * @param before what the stack used; one of another stage or without a description explains nothing
 */
export function explain(
  before: Root | undefined,
  description: StageDescription,
  spec: ImageSpec,
): ExplainedChange[] {
  if (before?.description?.stage !== description.stage) return [];
  const changes = changedInputs(before.description, description).filter(
    (change, _, all) => !isImplied(description.stage, change, all),
  );
  return [
    ...changes
      .filter((change) => stepOf(change) === undefined)
      .map((change) => inWords(change, description.stage, before, spec)),
    ...explainSteps(changes, spec),
  ];
}

function inWords(change: Change, stage: string, root: Root, spec: ImageSpec): ExplainedChange {
  const [kind, name = "", ...rest] = change.path;
  if (kind === "upstream") {
    const { on, onRelease } = spec;
    if (name === RELEASED) {
      const whose = onRelease ? releaseName(onRelease) : "another stack";
      return upstream(`release of ${whose}`, change, "is not used any more");
    }
    const isBelow = stage === "image" && name === "image";
    return upstream(isBelow ? `image of ${on ?? "the one below"}` : name, change);
  }
  if (name === "epoch") return age(change, root, spec);
  const [before, after] = sizes(name, change) ?? [change.before ?? "none", change.after ?? "none"];
  const setting = [SETTINGS[name] ?? SETTINGS[kind!] ?? name, ...rest].join(".");
  const input = fileOf(stage, name, rest, spec) ?? setting;
  return { input, before, after, text: `${input}: ${before} → ${after}` };
}

/** The stage before it: its key, which is told as one, or its content where it is the image. */
function upstream(name: string, change: Change, gone = "is no longer made"): ExplainedChange {
  const input = name === "imageSha256" ? "image" : name.replace(/^convert /, "convert-");
  const { before = "none", after = "none" } = change;
  const [added, dropped] = [change.before === undefined, change.after === undefined];
  const what = added ? "is new" : dropped ? gone : "changed";
  // digits of a key are comparable with those of no file
  const kind = name === "imageSha256" || change.path[1] === RELEASED ? "" : "key ";
  const digests = added || dropped ? "" : `: ${kind}${before} → ${after}`;
  return { input, before, after, text: `${input} ${what}${digests}` };
}

function age({ before, after }: Change, root: Root, { refreshAfter }: ImageSpec): ExplainedChange {
  const days = (seconds: number) => counted(Math.floor(seconds / 86_400), "day");
  const limit = refreshAfter === null ? "none" : days(refreshAfter);
  const old = days((Date.now() - Date.parse(root.publishedAt)) / 1000);
  return {
    ...{ input: "refreshAfter", before: before ?? "none", after: after ?? "none" },
    text:
      before === undefined || after === undefined
        ? `refreshAfter: ${before === undefined ? "none" : "set"} → ${limit}`
        : `age: ${old}, and refreshAfter is ${limit}`,
  };
}

/** Sizes as in the settings, exact where rounding would hide the difference; undefined for other inputs. */
function sizes(name: string, { before, after }: Change): [string, string] | undefined {
  const unit = { diskBytes: 1, memoryMiB: 2 ** 20 }[name];
  if (unit === undefined) return undefined;
  const texts = (show: (bytes: number) => string) =>
    [before, after].map((n) => (n === undefined ? "none" : show(Number(n) * unit)));
  const rounded = texts(formatSize);
  const shown = rounded[0] === rounded[1] ? texts((n) => `${n / 2 ** 20} MiB`) : rounded;
  return [shown[0]!, shown[1]!];
}

/** The path of an input file, relative to the project. */
function fileOf(
  stage: string,
  group: string,
  rest: readonly string[],
  spec: ImageSpec,
): string | undefined {
  const [file] = rest;
  if (file === undefined) return undefined;
  if (group === "programs") return `builder/stages/${file}`;
  if (stage === "builder" && group === "files") return `builder/${file}`;
  if (group === "recipe" || group === "template") return `${spec.template.folder}/${file}`;
  if (group === "scripts") return templateScripts(spec)[file] ?? file;
  if (group === "tests") return Object.fromEntries(userTests(spec))[file]?.script ?? file;
  return undefined;
}
