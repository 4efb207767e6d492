import { copyFileSync } from "node:fs";
import { join } from "node:path";

import { parseConversion } from "../../plan/formats";
import { convert } from "../../stages/convert/convert";
import type { StageAnswer, StageCall } from "../../plan/stages/call";
import type { convert as contract } from "../../plan/stages/convert";
import { runStage } from "../../run/runStage";
import { sha256File } from "../../host/files";
import { convertCall, IMAGE_RESULT, programs } from "../sampleCalls";
import { TemporaryStore } from "../temporaryStore";
import { executor } from "../site";

/** A store that holds one image, and what asks for conversions of it. */
export class Conversions {
  readonly at = new TemporaryStore();
  private image: { readonly key: string; readonly sha256: string } | undefined;

  constructor(private readonly toolsImage: string) {}

  /** Publishes a file as the image. @returns its path in the store */
  async publish(file: string): Promise<string> {
    copyFileSync(file, join(this.at.work({}), "image.qcow2"));
    const { key, folder } = await this.at.publish({}, undefined, { result: IMAGE_RESULT });
    this.image = { key, sha256: await sha256File(file) };
    return join(folder, "image.qcow2");
  }

  /** @param more names of further programs: they make conversions that are otherwise equal different stages */
  call(entry: string, ...more: string[]): StageCall<typeof contract> {
    const { format, options, fileName, name } = parseConversion(entry);
    const { toolsImage, image } = this;
    return convertCall(
      ...([image!.sha256, `convert-${name}`] as const),
      { format, options: { ...options }, programs: programs("command", ...more) },
      { toolsImage, imageKey: image!.key, fileName, timeoutSeconds: 100 },
    );
  }

  run(entry: string, ...more: string[]): Promise<StageAnswer> {
    return runStage(convert, {
      executor,
      store: this.at.store,
      call: this.call(entry, ...more),
      marker: undefined,
      secrets: {},
      print: () => undefined,
      signal: new AbortController().signal,
    });
  }

  folder({ stage, key }: StageAnswer): string {
    return this.at.store.folder(stage, key);
  }
}
