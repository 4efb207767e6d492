import { execFile } from "node:child_process";
import {
  access,
  constants,
  mkdir,
  readdir,
  readFile,
  rename,
  rm,
  writeFile,
} from "node:fs/promises";
import { basename, dirname, join, sep } from "node:path";
import { promisify } from "node:util";

import { z } from "zod";

import { sha256File, syncPath } from "../store/files";
import type { Manifest } from "../store/manifest";
import type { Artifact } from "../store/store";
import { docker } from "./container";
import { EXIT, StageFailure } from "./failure";
import { displayPath, inProject } from "./project";
import type { StageContext, StageProgram } from "./stage";

const settings = z.object({
  toolsImage: z.string(),
  path: z.string(),
  image: z.object({ key: z.string(), sha256: z.string() }),
  virtualBytes: z.number().int(),
  checkKey: z.string(),
  conversions: z.array(
    z.object({ name: z.string(), format: z.string(), key: z.string(), fileName: z.string() }),
  ),
  smokeKey: z.string().nullable(),
});

type Settings = z.infer<typeof settings>;

/** The name that the image has had since the original recipe. */
export const IMAGE_NAME = "packer-kragle-qcow2";

/** What an interrupted release left begins with this. */
const INCOMING = ".incoming-";

interface Released {
  /** Relative to PATH/output. */
  readonly name: string;
  readonly from: string;
  readonly sha256: string;
}

/**
 * Lays image, conversions and evidence out under PATH/output. Everything is copied beside its final place first (reflink where
 * the file system can, else sparse) and compared; then each file moves in by a rename, `manifest.json` last.
 */
export const release: StageProgram<Settings> = {
  name: "release",
  settings,
  async run(context) {
    const { settings, store, phase, key } = context;
    const output = join(inProject(settings.path), "output");
    const image = await store.artifact("image", settings.image.key);
    const released = await collect(context, image);
    const incoming = join(output, `${INCOMING}${key.slice(0, 12)}`);
    try {
      for (const name of await readdir(output).catch(() => [])) {
        if (name.startsWith(INCOMING)) await rm(join(output, name), { recursive: true });
      }
      await mkdir(incoming, { recursive: true });
      await access(output, constants.W_OK);
    } catch (error) {
      throw new StageFailure(`${displayPath(output)}: ${(error as Error).message}`, {
        hint: 'the setting "path" must name a folder that can be written',
        exitCode: EXIT.lacking,
      });
    }
    try {
      phase("copy the files");
      for (const file of released) await copyFile(file, join(incoming, file.name));
      phase("move them into place");
      const before = await readReleased(output);
      const manifest = await describe(context, image, released);
      await writeFile(join(incoming, "SHA256SUMS"), sums(released));
      await writeFile(join(incoming, "manifest.json"), JSON.stringify(manifest, null, 2) + "\n");
      const names = [...released.map(({ name }) => name), "SHA256SUMS", "manifest.json"];
      for (const name of names) {
        await syncPath(join(incoming, name));
        await mkdir(dirname(join(output, name)), { recursive: true });
        await rename(join(incoming, name), join(output, name));
      }
      await syncPath(output);
      for (const stale of before.filter((name) => !names.includes(name))) {
        await rm(join(output, stale), { force: true });
      }
      return {
        result: manifest,
        external: names.map((name) => ({
          path: join(settings.path, "output", name),
          sha256: released.find((file) => file.name === name)?.sha256,
        })),
      };
    } finally {
      await rm(incoming, { recursive: true, force: true });
    }
  },
};

async function collect({ settings, store }: StageContext<Settings>, image: Artifact) {
  const files: Released[] = [{ ...take(image, "image.qcow2"), name: IMAGE_NAME }];
  for (const { key, fileName } of settings.conversions) {
    const conversion = await store.artifact("convert", key);
    files.push(...conversion.manifest.files.map((file) => take(conversion, file.path)));
    if (!files.some(({ name }) => name === fileName)) throw new Error(`${fileName} is missing`);
  }
  const check = await store.artifact("check", settings.checkKey);
  const smoke = settings.smokeKey ? [await store.artifact("smoke", settings.smokeKey)] : [];
  for (const evidence of [check, ...smoke]) {
    for (const { path } of evidence.manifest.files) {
      files.push({ ...take(evidence, path), name: `evidence/${evidence.manifest.stage}/${path}` });
    }
  }
  return files;
}

function take({ folder, manifest }: Artifact, path: string): Released {
  const record = manifest.files.find((file) => file.path === path);
  if (!record) throw new Error(`stage ${manifest.stage} left no ${path}`);
  return { name: basename(path), from: join(folder, path), sha256: record.sha256 };
}

/** Copies without sharing an inode with the store, keeps holes, and proves that the copy is what the store holds. */
async function copyFile({ from, name, sha256 }: Released, to: string): Promise<void> {
  await mkdir(dirname(to), { recursive: true });
  await promisify(execFile)("cp", ["--reflink=auto", "--sparse=always", "--", from, to]).catch(
    (error: Error & { stderr?: string }) => {
      throw new StageFailure(`copying ${name} failed: ${error.stderr?.trim() || error.message}`, {
        hint: "make room on the disk that holds the setting's path, then run the same command again",
      });
    },
  );
  await promisify(execFile)("chmod", ["0644", "--", to]);
  if ((await sha256File(to)) !== sha256) {
    throw new StageFailure(`the copy of ${name} differs from the store's file`, {
      hint: "the disk or the memory of this machine may be failing",
    });
  }
}

/** The files that the release before laid down, by its own manifest. */
async function readReleased(output: string): Promise<string[]> {
  const text = await readFile(join(output, "manifest.json"), "utf8").catch(() => "{}");
  try {
    const { files } = JSON.parse(text) as { files?: object };
    // the folder may be shared with others: a name in it must not lead out of it
    return Object.keys(files ?? {}).filter((name) => join(output, name).startsWith(output + sep));
  } catch {
    // a manifest that is not whole names nothing; its files are overwritten or stay
    return [];
  }
}

const sums = (files: readonly Released[]) =>
  files.map(({ sha256, name }) => `${sha256} *${name}\n`).join("");

async function describe(
  { settings, store, key }: StageContext<Settings>,
  image: Artifact,
  released: readonly Released[],
) {
  const bytes = image.manifest.files.find(({ path }) => path === "image.qcow2")!.bytes;
  const conversions: Record<string, { path: string; sha256: string; bytes: number }> = {};
  for (const { name, key: conversionKey, fileName } of settings.conversions) {
    const { manifest } = await store.artifact("convert", conversionKey);
    const file = manifest.files.find(({ path }) => path === fileName)!;
    const path = join(settings.path, "output", fileName);
    conversions[name] = { path, sha256: file.sha256, bytes: file.bytes };
  }
  const smoke = settings.smokeKey
    ? smokeFacts((await store.artifact("smoke", settings.smokeKey)).manifest)
    : { passed: false, driver: "none", seconds: {} };
  const { Id: builderImageId } = await docker.getImage(settings.toolsImage).inspect();
  return {
    imagePath: join(settings.path, "output", IMAGE_NAME),
    imageSha256: settings.image.sha256,
    imageBytes: bytes,
    imageVirtualBytes: settings.virtualBytes,
    conversions,
    smoke,
    accelerator: String(image.manifest.result.accelerator),
    builderImageId,
    manifestPath: join(settings.path, "output", "manifest.json"),
    key,
    tools: image.manifest.result,
    files: Object.fromEntries(released.map(({ name, sha256 }) => [name, sha256])),
  };
}

const smokeFacts = ({ result }: Manifest) => ({
  passed: result.passed,
  driver: result.driver,
  seconds: result.seconds,
});
