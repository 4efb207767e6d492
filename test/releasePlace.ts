import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

import Docker from "dockerode";

import { localDocker } from "../executors/localDocker";
import { release } from "../stages/release/release";
import { IMAGE_NAME, releasedName } from "../plan/fileNames";
import { parseConversion } from "../plan/formats";
import type { check } from "../plan/stages/check";
import type { convert } from "../plan/stages/convert";
import type { image as imageContract } from "../plan/stages/image";
import { plan, type ResultOf, type StageContract } from "../plan/stages/contract";
import { conversionUpstream, release as releaseContract } from "../plan/stages/release";
import type { smoke as smokeContract } from "../plan/stages/smoke";
import { runStage } from "../run/runStage";
import { FakeDaemon } from "./fakeDaemon";
import { sha256 } from "./sha256";
import { named } from "./stacks";
import { checkFiles, imageFiles } from "./stageFiles";
import { TemporaryStore } from "./temporaryStore";

/** Docker's id of the builder. */
export const BUILDER_ID = `sha256:${sha256("builder")}`;

/** The files that `SHA256SUMS` lists of a release with one conversion that nobody signed, in its order. */
export const LISTED = [
  ...["packer-kragle-qcow2", "kragle.raw", "evidence/image/removed.tsv"],
  ...["evidence/check/check.json", "evidence/check/deep/x", "evidence/check/package-files.json"],
  ...["evidence/check/packages.json", "evidence/smoke/screen.png"],
  ...["sbom.cdx.json", "package-changes.json", "provenance.json", "report.html", "manifest.json"],
];

/** What is under PATH/output after such a release, folders and its own mark included. */
export const LAID_OUT = [
  ...[".owner.json", "SHA256SUMS", ...LISTED],
  ...["evidence", "evidence/check", "evidence/check/deep", "evidence/image", "evidence/smoke"],
].sort();

/** The same files of one that OpenSSH signed. */
export const SIGNED = [...LISTED, "allowed_signers"];

/** What the smoke stage says of a quick proof. */
export const booted = (imageSha256: string): ResultOf<typeof smokeContract> => ({
  ...{ passed: true, driver: "qemu", proof: "quick", channel: "agent", accelerator: "tcg" },
  imageSha256,
  boots: {
    first: {
      ...{ firmware: "bios", seconds: { login: 38.2 }, complaints: [] },
      ...{ serialLog: "serial.log", screenshot: "login.png" },
    },
  },
});

export interface ReleaseExtras {
  /** What the smoke stage says. */
  readonly boots?: ResultOf<typeof smokeContract>["boots"];
  readonly signKey?: string | null;
  readonly signer?: string | null;
  /** Name and version of each. */
  readonly packages?: readonly string[];
  /** The setting; the conversions follow it. */
  readonly imageName?: string;
}

/** A store, a folder to release to, and as much of a Docker daemon as the release stage asks. */
export class ReleasePlace {
  readonly at = new TemporaryStore();
  readonly path = join(this.at.home, "../PATH of tests");
  readonly output = join(this.path, "output");
  /** The builder in which a stage is said to have run; undefined where its run noted none. */
  builderOf: (stage: string) => string | undefined = () => BUILDER_ID;
  private readonly daemon = new FakeDaemon("docker");
  private readonly executor = localDocker({
    home: this.at.home,
    docker: new Docker({ socketPath: this.daemon.socket }),
  });

  async open(): Promise<void> {
    await this.daemon.open();
  }

  async close(): Promise<void> {
    this.at.remove();
    await this.daemon.close();
  }

  /** @returns the path of what has that name under PATH/output */
  inOutput(name: string): string {
    return join(this.output, name);
  }

  private async publish<C extends StageContract>(
    stage: string,
    variant: string,
    files: Record<string, string>,
    result: ResultOf<C>,
  ): Promise<string> {
    const description = this.at.describe(variant, stage);
    const builderId = this.builderOf(stage);
    const extra = {
      result: result as Record<string, unknown>,
      ...(builderId && {
        madeBy: {
          kragle: { version: "0.0.9", commit: "ab12".repeat(10), modified: false },
          containers: [
            { reference: "kragle-tools:1", id: builderId, layers: [`sha256:${sha256("layer")}`] },
          ],
        },
      }),
    };
    return (await this.at.publish(files, description, extra)).key;
  }

  /** Publishes an image of this content with its conversions and evidence, and runs the release stage for it. */
  async release(
    image: string,
    formats: readonly string[] = ["raw"],
    smoke = true,
    extras: ReleaseExtras = {},
  ) {
    const { signKey = null, signer = null, packages = ["bash 5.2-2"], boots } = extras;
    const { imageName = IMAGE_NAME } = extras;
    const imageSha256 = sha256(image);
    const built = imageFiles(image, packages.length);
    const key = await this.publish<typeof imageContract>("image", image, built.files, built.result);
    const conversions = [];
    const upstream: Record<string, string> = {};
    for (const format of formats) {
      const conversion = parseConversion(format);
      const { fileName: stored } = conversion;
      const converted = {
        [stored]: `${image} as ${format}`,
        ...(format === "raw.zst" ? { "kragle.raw.bmap": "<bmap/>" } : {}),
      };
      upstream[conversionUpstream(format)] = await this.publish<typeof convert>(
        ...(["convert", `${image}${format}`, converted, { format, file: stored }] as const),
      );
      const fileName = releasedName(conversion, imageName);
      conversions.push({ name: format, format, stored, fileName });
    }
    const checked = checkFiles(imageSha256, packages);
    const found = { ...checked.files, "deep/x": "y" };
    const checkKey = await this.publish<typeof check>("check", image, found, checked.result);
    const proof = { ...booted(imageSha256), ...(boots ? { boots, proof: "full" as const } : {}) };
    const smokeKey = smoke
      ? await this.publish<typeof smokeContract>("smoke", image, { "screen.png": "PNG" }, proof)
      : undefined;
    const { description } = plan(
      releaseContract,
      {
        ...{ path: this.path, owner: named("dev"), signer, imageName },
        files: Object.fromEntries(conversions.map(({ name, fileName }) => [name, fileName])),
      },
      { imageSha256, check: checkKey, ...upstream, ...(smokeKey ? { smoke: smokeKey } : {}) },
    );
    return runStage(release, {
      executor: this.executor,
      store: this.at.store,
      call: {
        ...{ project: "kragle", stack: "dev", root: "release", description },
        request: {
          ...{ stack: "dev", signKey, conversions, imageKey: key },
          parameters: { diskSize: "4 GiB", rhsmPassword: "[MASKED]" },
          changed: ["rhsmPassword"],
          steps: [],
          baseImage: "debian:bookworm-slim",
          builder: {
            ...this.at.describe("builder", "builder"),
            inputs: { Dockerfile: sha256("FROM") },
          },
          toolsImage: "kragle-tools:1",
          virtualBytes: 2 ** 32,
        },
      },
      marker: undefined,
      secrets: {},
      print: () => undefined,
      signal: new AbortController().signal,
    });
  }

  /** Everything under PATH/output. */
  names(): string[] {
    return (readdirSync(this.output, { recursive: true }) as string[]).sort();
  }

  read(name: string): string {
    return readFileSync(join(this.output, name), "utf8");
  }
}
