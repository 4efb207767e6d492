import { statSync } from "node:fs";

import { EXIT } from "../host/failure";
import { print } from "../host/output";
import { displayPath } from "../host/project";
import { warn } from "../host/warn";
import type { StackRecord } from "../store/stackRecord";
import { lastRelease, wholeRelease } from "./lastRelease";
import type { CommonOptions } from "./options";

/** Whether the image lies where the outputs say, as far as its size tells; `verify` reads it. */
function isThere({ imagePath, imageBytes }: StackRecord["outputs"]): boolean {
  const size = statSync(String(imagePath), { throwIfNoEntry: false })?.size;
  return size !== undefined && (imageBytes === undefined || size === imageBytes);
}

/** `kragle outputs [IMAGE...]`: what the last release of a stack gave to other programs; of a single image, its own. */
export async function outputs(names: readonly string[], options: CommonOptions): Promise<number> {
  const { stack } = options;
  const { outputs: all, images } = await (names.length === 0
    ? wholeRelease(stack)
    : lastRelease(stack, names));
  for (const values of images.values()) {
    if (isThere(values)) continue;
    const image = displayPath(String(values.imagePath));
    const next = `./kragle up -s ${stack} lays it out again`;
    warn(`${image} is gone, or is not the image of these outputs any more; ${next}`);
  }
  if (options.json) {
    const [only] = images.values();
    const some = names.length === 1 ? only : { images: Object.fromEntries(images) as object };
    print(JSON.stringify(names.length === 0 ? all : some) + "\n");
    return EXIT.done;
  }
  const lines = [...images].flatMap(([name, values]) =>
    // of one image that is named, without its name
    Object.entries(values).map(([output, value]): [string, string] => [
      name === null || names.length === 1 ? output : `${name}.${output}`,
      typeof value === "string" ? value : JSON.stringify(value),
    ]),
  );
  const width = Math.max(...lines.map(([name]) => name.length));
  for (const [name, text] of lines) print(`${name.padEnd(width)}  ${text}\n`);
  return EXIT.done;
}
