import { z } from "zod";

import { parseEndpoint } from "../../plan/endpoint";
import { listOf, quote, structured } from "./values";

/** The setting `network`: what is open to guests although it would be shut. */
export const network = structured(
  z.strictObject(
    {
      allow: z
        .array(z.string(), listOf("addresses, such as 10.0.0.5:8443"))
        .superRefine((entries, context) => {
          entries.forEach((entry, index) => {
            if (entry === "any") return;
            try {
              parseEndpoint(entry);
            } catch (error) {
              context.addIssue({
                code: "custom",
                path: [index],
                message: (error as Error).message,
              });
            }
          });
        })
        .default([]),
    },
    {
      error: (issue) =>
        issue.code === "unrecognized_keys"
          ? `${issue.keys?.join(", ")} is unknown; allowed is allow`
          : `${quote(issue.input)} is not allowed; write {"allow": ["10.0.0.5:8443"]}`,
    },
  ),
);
