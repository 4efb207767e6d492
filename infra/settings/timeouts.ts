import { z } from "zod";

import type { Timeouts } from "../../plan/imageSpec";
import { decimal, quote, structured } from "./values";

const DEFAULT_MINUTES: Timeouts = {
  base: 30,
  image: 60,
  ssh: 3,
  script: 15,
  shutdown: 2,
  check: 10,
  convert: 30,
  smoke: 3,
  release: 30,
  progress: 10,
  whole: 240,
};

export const timeouts = structured(
  z.strictObject(
    Object.fromEntries(
      Object.keys(DEFAULT_MINUTES).map((step) => [
        step,
        decimal(0.1, 10_000, "minutes").optional(),
      ]),
    ),
    {
      error: (issue) =>
        issue.code === "unrecognized_keys"
          ? `${issue.keys?.join(", ")} is not a step; allowed are ${Object.keys(DEFAULT_MINUTES).join(", ")}`
          : `${quote(issue.input)} is not allowed; write minutes by step, such as {"image": 90}`,
    },
  ),
).transform((minutes) => {
  const merged = { ...DEFAULT_MINUTES, ...(minutes as Partial<Timeouts>) };
  return Object.fromEntries(
    Object.entries(merged).map(([step, value]) => [step, value * 60]),
  ) as unknown as Timeouts;
});
