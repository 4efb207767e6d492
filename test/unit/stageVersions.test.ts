import assert from "node:assert/strict";
import { createHash } from "node:crypto";
import { readFileSync, statSync } from "node:fs";
import { join } from "node:path";

import canonicalize from "canonicalize";
import { z } from "zod";

import { contentDigest, readContent } from "../../host/fileDigest";
import { projectFolder } from "../../host/project";
import { filesBelow } from "../../preview/inputFiles";
import { stagePrograms } from "../../stages/index";

/**
 * A stage's TypeScript is in no key, its version is. So whoever changes it has to say whether results change, too: `stageVersions.json`
 * has the digest that each version was last found to have, with the shape of what the stage tells.
 */
const FILE = join(__dirname, "stageVersions.json");

const SECRET_FORMS = ["host/secretForms.ts", "host/encodedForms.ts", "host/spelling.ts"];

/** What belongs to a stage's program besides its folder; rules/ does not, since its digest is an input of check. */
const BESIDES: Readonly<Record<string, readonly string[]>> = {
  image: SECRET_FORMS,
  check: SECRET_FORMS,
  release: ["release"],
  publish: ["destinations"],
};

function programDigest(stage: string): string {
  const digests: Record<string, string> = {};
  for (const part of [`stages/${stage}`, ...(BESIDES[stage] ?? [])]) {
    const path = join(projectFolder, part);
    const names = statSync(path).isDirectory()
      ? filesBelow(path).map((n) => join(part, n))
      : [part];
    for (const name of names) {
      digests[name] = contentDigest(readContent(join(projectFolder, name)));
    }
  }
  // an earlier result of another shape is one that this kragle cannot read
  const shape = z.toJSONSchema(stagePrograms[stage]!.contract.result);
  return createHash("sha256").update(canonicalize({ digests, shape })!).digest("hex");
}

interface Known {
  readonly version: number;
  readonly program: string;
}

describe("a stage's program", () => {
  const known = JSON.parse(readFileSync(FILE, "utf8")) as Record<string, Known>;

  it("is noted with its version, for every stage", () => {
    assert.deepEqual(Object.keys(known).sort(), Object.keys(stagePrograms).sort());
  });

  for (const [stage, { contract }] of Object.entries(stagePrograms)) {
    it(`has not changed without a word on its results: ${stage}`, () => {
      const now: Known = { version: contract.version, program: programDigest(stage) };
      assert.deepEqual(
        now,
        known[stage],
        `The program of stage ${stage} is another one. Does this change results? Then raise the version in ` +
          `plan/stages/${stage}.ts; else only the digest. Either way test/unit/stageVersions.json gets\n` +
          `  "${stage}": ${JSON.stringify(now)}`,
      );
    });
  }
});
