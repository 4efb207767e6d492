import { tell } from "./output";
import { asCalledHere } from "./project";

const told = new Set<string>();

/** Tells the user on stderr, once a process, of something that kragle can go on without. */
export function warn(text: string): void {
  if (told.has(text)) return;
  told.add(text);
  tell(`warning: ${asCalledHere(text)}\n`);
}
