import { z } from "zod";

import type { CheckSetting } from "../plan/imageSpec";
import { RULES } from "../rules/catalogue";
import { readRuleFiles, RuleFileError } from "../rules/ruleFile";
import { onlyKeys, path, structured, text } from "./values";

const EXAMPLE = '{"rule": "ssh.passwords", "reason": "reached by console only"}';

const waiver = z.strictObject({ rule: z.string(), reason: text("reached by console only") });

const shape = z.strictObject(
  {
    rules: z
      .array(path("rules/site.yaml"), "write a list of files")
      .default([])
      .describe("Files with rules of your own, relative to the project"),
    // each entry is read by itself below, so that its message can repeat it; editors are told its shape
    waive: z
      .array(z.unknown(), `write a list such as [${EXAMPLE}]`)
      .default([])
      .meta({
        description: "Rules that the image may break",
        items: {
          type: "object",
          properties: {
            rule: { type: "string", description: "The rule's id, such as `ssh.passwords`" },
            reason: {
              type: "string",
              description: "Why it may be broken; stands in the release's report",
            },
          },
          required: ["rule", "reason"],
          additionalProperties: false,
        },
      }),
  },
  onlyKeys("are rules, waive", `{"rules": [files], "waive": [${EXAMPLE}]}`),
);

/** The setting `check`: the user's own rules, and rules that the image may break. Every problem is told at once. */
export const checkSetting = structured(
  shape.transform(({ rules, waive }, context): CheckSetting => {
    const say = (path: (string | number)[], message: string) =>
      context.addIssue({ code: "custom", path, message });
    const known = RULES.map(({ id }) => id);
    let complete = true;
    try {
      known.push(...readRuleFiles(rules).map(({ id }) => id));
    } catch (error) {
      if (!(error instanceof RuleFileError)) throw error;
      complete = false;
      for (const problem of error.problems) say(["rules"], problem);
    }
    const waivers = waive.flatMap((value, index) => {
      const { success, data } = waiver.safeParse(value);
      if (!success) {
        say(
          ["waive", index],
          `${JSON.stringify(value)} is not a waiver; write it as in ${EXAMPLE}`,
        );
        return [];
      }
      const place = ["waive", index];
      // only where every file of rules could be read are all ids known
      if (complete && !known.includes(data.rule)) {
        say([...place, "rule"], `"${data.rule}" is not a rule; known are ${known.join(", ")}`);
      }
      if (data.reason.trim() === "") say([...place, "reason"], "a waiver needs a reason");
      return data;
    });
    waivers.forEach(({ rule }, index) => {
      if (waivers.findIndex((other) => other.rule === rule) < index) {
        say(["waive"], `"${rule}" is waived twice`);
      }
    });
    return { rules, waive: waivers };
  }),
);
