import { join } from "node:path";

import { readIfThere } from "./files";

/** Whether SELinux is there and refuses what its policy does not allow. */
export function selinuxEnforces(root = "/"): boolean {
  return readIfThere(join(root, "sys/fs/selinux/enforce")).trim() === "1";
}
