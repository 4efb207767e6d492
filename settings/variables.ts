import { z } from "zod";

import { quote, spelled, structured } from "./values";

/** Environment variables of steps, and secrets, which become such. */

const NAME = /^[A-Za-z_][A-Za-z0-9_]*$/;

/** In the guest these are kragle's own. */
const OWN = "KRAGLE_";

const isName = (name: string) => NAME.test(name) && !name.startsWith(OWN);

const noName = ({ input }: { input?: unknown }) =>
  `${quote(input)} is no name of a variable: letters, digits and _, no digit first, and not ${OWN}, which is kragle's own`;

export const secretName = z.string({ error: noName }).refine(isName, { error: noName });

/** Variables by name. */
export const variables = z
  .record(z.string(), spelled("production"), {
    error: ({ input }) =>
      `${quote(input)} is not allowed; write names and values, such as {"SITE": "lab"}`,
  })
  .superRefine((entries, context) => {
    for (const name of Object.keys(entries).filter((name) => !isName(name))) {
      context.addIssue({ code: "custom", path: [name], message: noName({ input: name }) });
    }
  });

/** The setting `variables`: those of every step. */
export const imageVariables = structured(variables);

/** A secret's value, as editors see it: encrypted by itself, unless it stands in the clear. */
const secret = z
  .unknown()
  .meta({ anyOf: [{ type: "string" }, { $ref: "#/definitions/encrypted" }] })
  .pipe(z.string({ error: "is not text; put it in quotes" }));

/** The setting `secrets`; no message repeats a value. */
export const secrets = structured(
  z
    .record(z.string(), secret, {
      error:
        "is not allowed; write names and values, each set with pulumi config set --secret --path",
    })
    .superRefine((entries, context) => {
      for (const [name, text] of Object.entries(entries)) {
        const say = (message: string) =>
          context.addIssue({ code: "custom", path: [name], message });
        if (!isName(name)) say(noName({ input: name }));
        if (text.includes("\0") || !text.isWellFormed()) say("contains what is no text");
      }
    }),
);
