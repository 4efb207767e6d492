import { createHash } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import type { Rule } from "./rule";
import { access } from "./catalogue/access";
import { disk } from "./catalogue/disk";
import { identity } from "./catalogue/identity";
import { network } from "./catalogue/network";
import { system } from "./catalogue/system";
import { traces } from "./catalogue/traces";

/** The catalogue: what a finished image must be, whatever template it came from. A path that a system does not have is no fault. */
export const RULES: readonly Rule[] = [
  ...disk,
  ...identity,
  ...access,
  ...network,
  ...traces,
  ...system,
];

/** SHA-256 over the catalogue and the code that judges by it: another one means that images have to be checked again. */
export function catalogueDigest(): string {
  const hash = createHash("sha256");
  const names = readdirSync(__dirname, { recursive: true, encoding: "utf8" }).sort();
  // the published package has its JavaScript beside it
  for (const name of names.filter((name) => /(?<!\.d)\.ts$/.test(name))) {
    hash.update(`${name}\0`).update(readFileSync(join(__dirname, name)));
  }
  return hash.digest("hex");
}
