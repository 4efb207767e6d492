import assert from "node:assert/strict";

import { stageKey } from "../../plan/description";
import { CallError, checkCall, checkQuestion, type StageCall } from "../../plan/stages/call";
import { dockerBase, domainType, handImage } from "../../plan/stages/questions";
import { stagePrograms } from "../../stages/index";
import { type ProgramCall, programCalls } from "../programCalls";
import { digest } from "../samples";

type Json = Readonly<Record<string, unknown>>;

const QUESTIONS = {
  [dockerBase.name]: dockerBase,
  [domainType.name]: domainType,
  [handImage.name]: handImage,
};

/** What the stage itself, or who answers the question, makes of a call. */
function check(stage: string, stdin: unknown): unknown {
  const question = QUESTIONS[stage as keyof typeof QUESTIONS];
  return question
    ? checkQuestion(question, stdin)
    : checkCall(stagePrograms[stage]!.contract, stdin);
}

/** The complaints about a call; none where it is taken. */
function problems(stage: string, stdin: unknown): readonly string[] {
  try {
    check(stage, stdin);
  } catch (error) {
    assert.ok(error instanceof CallError, String((error as Error).stack));
    return error.problems;
  }
  return [];
}

/** What a stage need not be told, besides the conversions that a release is made from. */
const OPTIONAL = [
  ...["inputs.epoch", "inputs.suite", "inputs.ownRules", "inputs.waive", "inputs.libvirtUri"],
  ...["inputs.tests", "inputs.testArguments", "request.tests"],
  ...["upstream.smoke", "request.libvirt"],
];
const isOptional = (path: string) => OPTIONAL.includes(path) || isConversion(path);
const isConversion = (path: string) => path.startsWith("upstream.convert ");

/** Of two fields of which a call has one, the one that is missed where there is neither. */
const FIRST_OF: Readonly<Record<string, string>> = { sourceSha512: "sourceSha256" };

/** The objects of a call whose fields the contract names; others have names of files, rules or settings. */
const OBJECTS: readonly (readonly string[])[] = [
  ["description", "inputs"],
  ["description", "inputs", "destination"],
  ["description", "upstream"],
  ["request"],
  ["request", "timeouts"],
  ["request", "libvirt"],
];

const at = (value: unknown, path: readonly string[]): unknown =>
  path.reduce<unknown>((part, name) => (part as Json | undefined)?.[name], value);

/** The same value with another object at a path. */
function replaced(value: unknown, [name, ...rest]: readonly string[], by: Json): unknown {
  if (name === undefined) return by;
  return { ...(value as Json), [name]: replaced((value as Json)[name], rest, by) };
}

describe("what the program declares", function () {
  this.timeout(120_000);
  let calls: ProgramCall[];
  before(async () => {
    calls = await programCalls();
  });

  it("is taken by every stage that gets it, whatever the settings", () => {
    for (const { stage, stdin, settings } of calls) {
      assert.deepEqual(problems(stage, stdin), [], JSON.stringify({ stage, settings }));
    }
    const stages = [...Object.keys(stagePrograms), ...Object.keys(QUESTIONS)];
    assert.deepEqual([...new Set(calls.map(({ stage }) => stage))].sort(), stages.sort());
  });

  it("has the key that its command has", () => {
    for (const { stdin, stage, key } of calls) {
      if (stage === handImage.name) assert.match(key!, /^[0-9a-f]{64}$/);
      else if (stage in QUESTIONS) assert.equal(key, undefined);
      else assert.equal(stageKey((stdin as unknown as StageCall).description), key);
    }
  });

  /** One call of each stage for every set of fields that it can have. */
  const shapes = () => {
    const found = new Map<string, ProgramCall>();
    for (const call of calls) {
      const fields = OBJECTS.map((path) => Object.keys((at(call.stdin, path) ?? {}) as Json));
      found.set(JSON.stringify([call.stage, Object.keys(call.stdin), fields]), call);
    }
    return [...found.values()];
  };

  it("has every field that a contract makes optional in some run, and not in every one", () => {
    for (const path of OPTIONAL) {
      const [group, name] = path.split(".") as [string, string];
      const has = ({ stdin }: ProgramCall) =>
        name in (at(stdin, group === "request" ? [group] : ["description", group]) as Json);
      const stages = new Set(
        calls.filter((call) => !(call.stage in QUESTIONS) && has(call)).map((c) => c.stage),
      );
      assert.equal(stages.size, 1, path);
      assert.ok(
        calls.some((call) => stages.has(call.stage) && !has(call)),
        path,
      );
    }
  });

  it("is refused without one of its fields, and with one that is misspelt or unknown, by name", () => {
    const tried = new Set<string>();
    for (const { stage, stdin } of shapes()) {
      const objects = stage in QUESTIONS ? [[]] : OBJECTS;
      const place = stage in QUESTIONS ? "request" : "call";
      for (const path of objects) {
        const object = at(stdin, path) as Json | undefined;
        if (object === undefined) continue;
        const refused = (change: Json, complaint: string) => {
          const found = problems(stage, replaced(stdin, path, change));
          const where = [place, ...path].join(".");
          assert.ok(
            found.some((problem) => problem.startsWith(`${where}${complaint}`)),
            `${stage}, ${where}${complaint}: ${JSON.stringify(found)}`,
          );
        };
        refused({ ...object, surplus: digest("0") }, ': Unrecognized key: "surplus"');
        for (const name of Object.keys(object)) {
          const { [name]: value, ...others } = object;
          const full = [...path.slice(-1), name].join(".");
          if (!isOptional(full)) refused(others, `.${FIRST_OF[name] ?? name}: `);
          if (!isConversion(full)) {
            refused({ ...others, [`${name}x`]: value }, `: Unrecognized key: "${name}x"`);
          }
          tried.add(`${stage} ${full}`);
        }
      }
    }
    assert.ok(tried.size > 100, [...tried].join(", "));
  });
});
