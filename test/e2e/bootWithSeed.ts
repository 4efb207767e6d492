import { chmodSync, cpSync, mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";

import { handToContainer } from "../../executors/handOver";
import type { Clone } from "../clone";
import { programs } from "../docker/programs";
import { treesToolsImage } from "../docker/toolsImage";
import { executor } from "../site";

/**
 * Boots a copy-on-write overlay of an image by hand, with OVMF and a NoCloud seed that creates the user `ada`, and logs in over
 * SSH with a fresh key. All of it happens in one container.
 *
 * @returns what the commands in the guest printed
 * @throws Error where one of them failed, cloud-init's waiting for its own end included
 */
export async function bootWithSeed(
  clone: Clone,
  image: string,
  format: "qcow2" | "raw" = "qcow2",
): Promise<string> {
  const work = clone.path(`seed boot of ${format}`);
  mkdirSync(work);
  cpSync(join(__dirname, "bootWithSeed.sh"), join(work, "boot.sh"));
  chmodSync(join(work, "boot.sh"), 0o755);
  for (const name of ["image", "log"]) writeFileSync(join(work, name), "");
  chmodSync(work, 0o755);
  await handToContainer(work);
  const lines: string[] = [];
  const { exitCode } = await executor.run({
    storeId: "seed-boot",
    key: String(process.pid),
    image: treesToolsImage(),
    run: ["/result/boot.sh", format],
    settings: {},
    programs: programs(),
    inputs: [{ at: "/image", path: image }],
    outputs: [{ at: "/result", path: work }],
    // the SSH client refuses to run for a user without an account
    user: "root",
    network: "none",
    log: join(work, "log"),
    onLine: (line) => lines.push(line),
    deadlineSeconds: 600,
  });
  const text = lines.join("\n");
  if (exitCode !== 0 || !/^status: done$/m.test(text))
    throw new Error(`the seeded boot failed with exit code ${exitCode}:\n${text}`);
  return text;
}
