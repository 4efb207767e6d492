import { z } from "zod";

import type { Timeouts } from "../plan/imageSpec";
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

/** What each time is for. */
const MEANING: Readonly<Record<keyof Timeouts, string>> = {
  base: "the installation of the system",
  image: "the whole build of the image",
  ssh: "the guest, until it answers on SSH",
  script: "each script or step",
  shutdown: "the guest's power-off",
  check: "the checks of the finished image",
  convert: "each conversion",
  smoke: "each boot of the proof",
  release: "the release",
  progress: "the longest silence of a guest or an installation",
  whole: "an entire up",
};

export const timeouts = structured(
  z.strictObject(
    Object.fromEntries(
      Object.entries(DEFAULT_MINUTES).map(([step, minutes]) => [
        step,
        decimal(0.1, 10_000, "minutes")
          .optional()
          .describe(`Minutes for ${MEANING[step as keyof Timeouts]}; ${minutes} by default`),
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
