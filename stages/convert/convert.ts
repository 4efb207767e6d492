import { rm } from "node:fs/promises";
import { join } from "node:path";

import { convert as contract } from "../../plan/stages/convert";
import { image, IMAGE } from "../../plan/stages/image";
import { artifactOf } from "../../store/typed";
import { takesDirectIo } from "../../host/directIo";
import { sha256File } from "../../host/files";
import { asProgram, conversionSteps, rawPartOf } from "./steps";
import { ifDiskIsFull, StageFailure } from "../../host/failure";
import { requireFreeSpace } from "../../host/freeSpace";
import type { StageProgram } from "../../run/stage";
import { plannedPrograms } from "../../run/task";

/** One other format, always made from the qcow2; its logical content is compared with the image's before it counts. */
export const convert: StageProgram<typeof contract> = {
  contract,
  async run({ inputs, upstream, request, store, work, phase, container }) {
    const { format, options } = inputs;
    const { fileName } = request;
    const source = await artifactOf(store, image, request.imageKey);
    const record = source.manifest.files.find(({ path }) => path === IMAGE)!;
    if (options.compression === undefined || options.compression === "none") {
      await requireFreeSpace(work, record.allocatedBytes, "the converted image");
    }
    phase("read the image");
    // a look-up believes size and time; a disk that rots changes neither
    const sha256 = await sha256File(join(source.folder, record.path));
    if (sha256 !== upstream.imageSha256) {
      throw new StageFailure(
        `the image in the store is damaged: its SHA-256 was ${upstream.imageSha256} and is ${sha256}`,
        { hint: "build it again with --rebuild image; the disk of this machine may be failing" },
      );
    }
    const directIo = await takesDirectIo(work);
    const { exitCode, tail } = await container({
      image: request.toolsImage,
      programs: plannedPrograms(inputs.programs),
      run: asProgram(conversionSteps({ format, options, fileName, directIo })),
      user: "builder",
      network: "none",
      artifacts: { "/image": source },
      results: { "/result": "." },
      settings: {},
      deadlineSeconds: request.timeoutSeconds,
    });
    if (exitCode !== 0) throw explain(fileName, exitCode, tail);
    if (format === "raw.zst") await rm(join(work, rawPartOf(fileName)));
    return { result: { format, file: fileName } };
  },
};

function explain(fileName: string, exitCode: number, tail: readonly string[]): StageFailure {
  const which = tail.at(-1) ?? "the container printed nothing";
  const words = tail.slice(0, -1).filter((line) => !line.startsWith("» "));
  const text = [`${fileName}: ${which} (exit code ${exitCode})`, ...words.slice(-5)].join("\n");
  const hint = "run the same command again; the image is kept";
  return new StageFailure(text, { hint, ...ifDiskIsFull(words) });
}
