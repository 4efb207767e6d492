import { Clone } from "./clone";

let clone: Clone | undefined;

/** One clone for every suite that needs a built image: the first that runs builds it, the others find it in the clone's store. */
export function sharedClone(): Clone {
  clone ??= new Clone();
  return clone;
}

after("remove the shared clone", () => clone?.remove());
