import { IDENTIFIER } from "../plan/imageIdentity";
import { quote, spelled } from "./values";

/** An identifier of os-release(5). YAML takes some of them for numbers, and some for days. */
export const identifier = (example: string) =>
  spelled(example).refine((value) => IDENTIFIER.test(value), {
    error: ({ input }) =>
      `${quote(input)} cannot stand in os-release; small letters, digits, ".", "_" and "-" are allowed, at most 64, as in "${example}"`,
  });
