import { z } from "zod";

import { StageFailure } from "./failure";
import { handToContainer } from "./handOver";
import type { StageContext, StageProgram } from "./stage";

const settings = z.object({
  toolsImage: z.string(),
  image: z.object({ key: z.string(), sha256: z.string() }),
  format: z.string(),
  options: z.record(z.string(), z.string()),
  fileName: z.string(),
  timeoutSeconds: z.number(),
});

type Settings = z.infer<typeof settings>;

/** One other format, always made from the qcow2; its logical content is compared with the image's before it counts. */
export const convert: StageProgram<Settings> = {
  name: "convert",
  settings,
  async run(context) {
    const { settings, store, work, phase } = context;
    const image = await store.artifact("image", settings.image.key);
    await handToContainer(work);
    // qemu-img convert fills what a truncated qcow2 lacks with zeroes and succeeds, so the image is checked first
    phase("check the image");
    await qemuImg(context, image.folder, "check", "-q", "-f", "qcow2", "/image/image.qcow2");
    phase(`convert to ${settings.format}`);
    await qemuImg(context, image.folder, ...convertArguments(settings));
    phase("compare with the image");
    await qemuImg(
      context,
      image.folder,
      ...["compare", "-q", "-f", "qcow2", "-F", settings.format],
      ...["/image/image.qcow2", `/work/${settings.fileName}`],
    );
    return { result: { format: settings.format, file: settings.fileName } };
  },
};

/** @returns the arguments of `qemu-img convert` for a format and its options */
export function convertArguments(
  settings: Pick<Settings, "format" | "options" | "fileName">,
): string[] {
  const { compression, ...others } = settings.options;
  const options = { ...others };
  const compressed =
    (compression !== undefined && compression !== "none") || others.subformat === "streamOptimized";
  if (compressed && compression) options.compression_type = compression;
  // Out-of-order writes are several times faster, but change a qcow2's bytes from run to run (qemu-img's manual, -W).
  const order = settings.format === "qcow2" ? [] : ["-W"];
  return [
    ...["convert", "-f", "qcow2", "-O", settings.format, "-t", "writeback", "-m", "16", ...order],
    ...(compressed ? ["-c"] : []),
    ...Object.entries(options).flatMap(([name, value]) => ["-o", `${name}=${value}`]),
    ...["/image/image.qcow2", `/work/${settings.fileName}`],
  ];
}

async function qemuImg(context: StageContext<Settings>, imageFolder: string, ...args: string[]) {
  const { exitCode, tail } = await context.container({
    image: context.settings.toolsImage,
    run: ["qemu-img", ...args],
    user: "builder",
    network: "none",
    binds: [
      { source: imageFolder, target: "/image", readOnly: true },
      { source: context.work, target: "/work" },
    ],
    settings: {},
    deadlineSeconds: context.settings.timeoutSeconds,
  });
  if (exitCode === 0) return;
  const words = tail.slice(-5).join("\n") || "it printed nothing";
  throw new StageFailure(`qemu-img ${args[0]} failed with exit code ${exitCode}\n${words}`, {
    hint: "see that the store's disk has room, then run the same command again",
  });
}
