import { mkdirSync, writeFileSync } from "node:fs";
import fsPromises from "node:fs/promises";
import { join } from "node:path";

import { Store } from "../../store/store";
import { Workplace } from "../../store/workplace";

/**
 * A process that publishes an artifact of two files and kills itself before the n-th thing that it asks of the file system:
 * `node publishChild.js HOME STAGE KEY N`. Ends with 0 where there are fewer, and then prints how many.
 */
async function main([home, stage, key, n]: string[]): Promise<void> {
  let calls = 0;
  const step = () => {
    if (++calls === Number(n)) process.kill(process.pid, "SIGKILL");
  };
  const counted = ["rm", "rename", "mkdir", "writeFile", "chmod", "chown", "open"] as const;
  const functions = fsPromises as unknown as Record<string, (...args: unknown[]) => unknown>;
  const store = new Store(home!);
  const work = new Workplace(home!).workFolder(stage!, key!);
  mkdirSync(join(work, "logs"), { recursive: true });
  writeFileSync(join(work, "image.qcow2"), "the image");
  writeFileSync(join(work, "packages.tsv"), "bash\t5.2\n");
  writeFileSync(join(work, "logs", "stage.log"), "» build\n");
  for (const name of counted) {
    const original = functions[name]!;
    functions[name] = (...args) => {
      step();
      return original(...args);
    };
  }
  const description = { stage: stage!, version: 1, inputs: {}, upstream: {} };
  await store.publish(stage!, key!, {
    manifest: { stage: stage!, key: key!, description, seconds: 1, phases: [], result: {} },
  });
  process.stdout.write(String(calls));
}

void main(process.argv.slice(2));
