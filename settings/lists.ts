import { z } from "zod";

import { type Conversion, parseConversion } from "../plan/formats";
import { PLATFORM_NAMES } from "../plan/platforms";
import { addressForContainers } from "./addresses";
import { fileNameProblem } from "./fileNames";
import { listOf, oneOf, structured } from "./values";

export const formats = structured(
  z.array(z.unknown(), listOf("formats")).transform((entries, context): Conversion[] => {
    const found: Conversion[] = [];
    entries.forEach((entry, index) => {
      try {
        const conversion = parseConversion(entry);
        const wrong = fileProblem(conversion);
        if (wrong !== undefined) throw new Error(wrong);
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

function fileProblem({ format, file }: Conversion): string | undefined {
  if (file === undefined) return undefined;
  const problem = fileNameProblem(file);
  if (problem !== undefined || format !== "raw.zst" || file.endsWith(".zst")) return problem;
  return `"${file}" has to end with .zst, by which programs know that it is compressed`;
}

export const isoUrls = structured(
  z.array(addressForContainers("https://host/folder/name.iso"), listOf("addresses")),
);

export const runsOn = structured(z.array(oneOf(PLATFORM_NAMES), listOf("platforms")));
