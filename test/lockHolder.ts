import { readFileSync, writeFileSync } from "node:fs";

import { lockFile } from "../host/lock";

/**
 * A process of its own that takes a lock: `node --import tsx test/lockHolder.ts PATH exclusive|shared`. It prints "waits" where it has
 * to wait and "holds" once it has the lock, and keeps it until it is ended. With a third argument it instead counts up
 * the number in that file five times, holding the lock for each.
 */
async function main([path, mode, counter]: string[]): Promise<void> {
  const take = () =>
    lockFile(path!, { shared: mode === "shared", onWait: () => process.stdout.write("waits\n") });
  if (counter === undefined) {
    const release = await take();
    process.stdout.write("holds\n");
    // a file handle that nobody refers to any more is closed, and the lock with it
    setInterval(() => void release, 60_000);
    return;
  }
  for (let turn = 0; turn < 5; turn++) {
    const release = await take();
    const before = Number(readFileSync(counter, "utf8"));
    await new Promise((resolve) => setTimeout(resolve, 5));
    writeFileSync(counter, String(before + 1));
    await release();
  }
}

void main(process.argv.slice(2));
