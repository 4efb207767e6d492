import { z } from "zod";

import { type Conversion, parseConversion } from "../../plan/formats";
import { listOf, structured } from "./values";

export const formats = structured(
  z.array(z.unknown(), listOf("formats")).transform((entries, context): Conversion[] => {
    const found: Conversion[] = [];
    entries.forEach((entry, index) => {
      try {
        const conversion = parseConversion(entry);
        const other = found.find(({ fileName }) => fileName === conversion.fileName);
        if (other) {
          throw new Error(
            other.name === conversion.name
              ? `"${conversion.name}" stands in the list twice`
              : `"${conversion.name}" would overwrite ${other.fileName}, which "${other.name}" makes`,
          );
        }
        found.push(conversion);
      } catch (error) {
        context.addIssue({ code: "custom", path: [index], message: (error as Error).message });
      }
    });
    return found;
  }),
);

export const isoUrls = structured(
  z.array(
    z.string().refine((url) => /^https?:\/\/\S+$/.test(url), {
      error: "is not the address of a file; write it as in https://host/folder/name.iso",
    }),
    listOf("addresses"),
  ),
);
