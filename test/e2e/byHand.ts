import { spawn } from "node:child_process";
import { once } from "node:events";

/** Runs the image `kragle` as the original's documentation says, without the flags that need KVM; PATH is the folder. */
export async function runByHand(
  folder: string,
  args: readonly string[],
): Promise<{ code: number | null; output: string }> {
  const child = spawn(
    "docker",
    ["run", "--rm", "-e", "HOME=/", "-v", `${folder}:/build`, "kragle", ...args],
    { stdio: ["ignore", "pipe", "pipe"] },
  );
  let output = "";
  for (const stream of [child.stdout, child.stderr]) {
    stream.setEncoding("utf8").on("data", (text: string) => (output += text));
  }
  const [code] = (await once(child, "close")) as [number | null];
  return { code, output };
}
