import { unescaped } from "../host/unescaped";
import { shortIdentity, type StackIdentity } from "../plan/identity";

/** A stack's or a root's name as one of a file that neither leads out of its folder nor looks like one being written. */
export const fileName = (name: string): string =>
  encodeURIComponent(name).replace(/^\./, "%2E").replaceAll("~", "%7E");

/** What kragle names so; undefined for a file whose name it never gives. */
export function nameOf(file: string): string | undefined {
  const name = unescaped(file);
  return fileName(name) === file ? name : undefined;
}

/** What of one stack is called so: its name, for people, and whose it is. */
export const stackFileName = (owner: StackIdentity): string =>
  `${fileName(owner.stack)}.${shortIdentity(owner)}`;
