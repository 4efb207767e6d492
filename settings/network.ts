import { z } from "zod";

import { parseEndpoint } from "../plan/endpoint";
import { listOf, onlyKeys, structured } from "./values";

const EXAMPLE = "10.0.0.5:8443";

const opening = z.string().superRefine((entry, context) => {
  if (entry === "any") return;
  try {
    parseEndpoint(entry);
  } catch (error) {
    context.addIssue({ code: "custom", message: (error as Error).message });
  }
});

/** The setting `network`: what is open to guests although it would be shut. */
export const network = structured(
  z.strictObject(
    {
      allow: z
        .array(opening, listOf(`addresses, such as ${EXAMPLE}`))
        .default([])
        .describe(
          "Addresses, names or blocks, with or without a port, such as `10.0.0.5:8443`; `any` for everything",
        ),
    },
    onlyKeys("is allow", `{"allow": ["${EXAMPLE}"]}`),
  ),
);
