import assert from "node:assert/strict";
import { copyFileSync, mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { stageKey } from "../../plan/description";
import type { StageCall } from "../../plan/stages/call";
import type { RequestOf } from "../../plan/stages/contract";
import type { image } from "../../plan/stages/image";
import { inTools } from "../docker/smallDisk";
import { toolsImage } from "../docker/toolsImage";
import { BASE_RESULT, IMAGE_RESULT, imageCall, smokeCall } from "../sampleCalls";
import { TemporaryStore } from "../temporaryStore";
import { resultsOf } from "./atWork";
import { bootSector, type THEN } from "./bootSector";
import { survived } from "./figures";
import { assertEvidence, assertNothingLeaked, evidenceFolder, readdirIfThere } from "./invariants";
import { type Ended, Run } from "./run";

export interface Fault {
  readonly words?: string;
  readonly then?: keyof typeof THEN;
  readonly change?: Partial<RequestOf<typeof image>>;
  readonly environment?: NodeJS.ProcessEnv;
  readonly during?: (run: Run, key: string, call: StageCall) => Promise<void>;
}

/** A store whose base is a disk with such a guest, and what asks for an image of it, by the template debian12. */
export class TinyGuest {
  readonly at = new TemporaryStore();
  private baseKey = "";

  constructor(private readonly toolsImage: string) {}

  /** Publishes the guest as the base of an image. */
  async publish(words: string, then: keyof typeof THEN): Promise<void> {
    this.baseKey = (await this.publishDisk("base", "disk.qcow2", words, then)).key;
  }

  /** Publishes the guest as an image, and asks for its proof. */
  async proofCall(words: string, then: keyof typeof THEN): Promise<StageCall> {
    const { key, manifest } = await this.publishDisk("image", "image.qcow2", words, then);
    const { toolsImage } = this;
    return smokeCall(manifest.files[0]!.sha256, {
      ...{ toolsImage, imageKey: key, diskBytes: 256 * 2 ** 20 },
    });
  }

  private async publishDisk(stage: string, name: string, words: string, then: keyof typeof THEN) {
    const folder = mkdtempSync(join(tmpdir(), "kragle-sector-"));
    try {
      writeFileSync(join(folder, "disk.raw"), bootSector(words, then));
      const make =
        "truncate -s 256M /w/disk.raw; qemu-img convert -O qcow2 /w/disk.raw /w/disk.qcow2";
      inTools(this.toolsImage, folder, make);
      const description = this.at.describe("a", stage);
      copyFileSync(join(folder, "disk.qcow2"), join(this.at.work({}, description), name));
      const result = stage === "base" ? BASE_RESULT : IMAGE_RESULT;
      return await this.at.publish({}, description, { result });
    } finally {
      rmSync(folder, { recursive: true });
    }
  }

  /** @param change what differs from a build under TCG */
  call(
    change: Partial<RequestOf<typeof image>> = {},
    scripts: Record<string, string> = {},
  ): StageCall<typeof image> {
    const folder = join(this.at.home, "scripts");
    mkdirSync(folder, { recursive: true });
    const paths = Object.entries(scripts).map(([name, content]) => {
      writeFileSync(join(folder, name), content);
      return [name, join(folder, name)];
    });
    return imageCall(this.baseKey, {
      toolsImage: this.toolsImage,
      templateFolder: "builder/templates/debian12",
      scripts: Object.fromEntries(paths) as Record<string, string>,
      diskBytes: 256 * 2 ** 20,
      ...change,
    });
  }

  /** Runs the stage image on a guest that does this, and `during` once it has begun. It has to fail. */
  async fail({ words = "hello", then = "hang", ...fault }: Fault): Promise<Ended> {
    await this.publish(words, then);
    const call = this.call(fault.change);
    const run = Run.stage(this.at.home, call, fault.environment);
    await fault.during?.(run, stageKey(call.description), call);
    const ended = await run.ended;
    assert.notEqual(ended.code, 0);
    return ended;
  }

  /** @param code the exit code; null where kragle itself was killed and could tell nothing */
  async assertSurvived(fault: string, ended: Ended, code: number | null = 1): Promise<void> {
    const { home } = this.at;
    assert.equal(ended.code, code, ended.stderr);
    const secondsToClean = await assertNothingLeaked(home, { since: ended.faultAt });
    assert.deepEqual(resultsOf(home, "image"), []);
    if (code !== null) {
      assertEvidence(evidenceFolder(ended.stderr), "stage.log", "container.log");
      assert.deepEqual(readdirIfThere(join(home, "work")), []);
    }
    survived({ fault, where: "image", secondsToClean });
  }
}

/** Gives each test of a suite a guest of its own. */
export function guestForEach(): () => TinyGuest {
  let guest: TinyGuest;
  before(async function () {
    await toolsImage(this);
  });
  beforeEach(async function () {
    guest = new TinyGuest(await toolsImage(this));
  });
  afterEach(() => guest.at.remove());
  return () => guest;
}
