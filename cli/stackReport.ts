import { existsSync } from "node:fs";
import { dirname, relative } from "node:path";

import { z } from "zod";

import { atomicWrite } from "../host/atomicWrite";
import { asCalledHere } from "../host/project";
import { release } from "../plan/stages/release";
import { NAMES } from "../release/layout";
import { type ReleasedImage, renderStackPage, type StackRow } from "../release/report/stackPage";
import { ReleaseFolder } from "../release/verify/folder";
import type { ImageSettings } from "../settings/images";
import type { Roots } from "../store/roots";
import { stackPageFile, type StackRecord } from "../store/stackRecord";
import { standing } from "../store/standing";
import { belowBySettings, namesOf } from "./imageNames";

type Outputs = StackRecord["outputs"];

/** Less than `verify` asks of a manifest: an earlier version may have written it. */
const manifest = z.object(
  release.result.pick({
    ...{ imageSha256: true, imageBytes: true, imageVirtualBytes: true, imageVersion: true },
    ...{ conversions: true, smoke: true, packages: true, releasedAt: true, signer: true },
  }).shape,
);

/**
 * Writes the page of a stack with several images, of what lies in the folders of their releases now. It lies beside the stack's record: it
 * is made when it is asked for, and part of no release.
 *
 * @param images as its settings have them, released or not
 * @param released the outputs of each image that was, by its name
 * @returns the page's path
 */
export async function writeStackReport(
  home: string,
  roots: Roots,
  images: readonly ImageSettings[],
  released: ReadonlyMap<string, Outputs>,
): Promise<string> {
  const { owner } = roots;
  const path = stackPageFile(home, owner);
  const on = standing(await roots.list(), belowBySettings(images));
  const all = [...new Set([...namesOf(images), ...released.keys()])];
  const rows = await Promise.all(
    all.map(async (name): Promise<StackRow> => {
      const outputs = released.get(name);
      const { page, release } = outputs
        ? await describe(owner.stack, name, outputs)
        : { release: asCalledHere(`not released yet: ./kragle up ${name} -s ${owner.stack}`) };
      const link = page === undefined ? undefined : linkTo(page, dirname(path));
      return { name, on: on.get(name) ?? [], page: link, release };
    }),
  );
  await atomicWrite(path, renderStackPage(owner.stack, rows));
  return path;
}

async function describe(
  stack: string,
  name: string,
  { manifestPath, reportPath }: Outputs,
): Promise<{ readonly page?: string; readonly release: ReleasedImage | string }> {
  try {
    const folder = new ReleaseFolder(dirname(String(manifestPath)));
    const facts = await folder.json(NAMES.manifest, manifest);
    const page = String(reportPath);
    return { release: facts, ...(existsSync(page) ? { page } : {}) };
  } catch {
    const next = asCalledHere(
      `./kragle verify ${name} -s ${stack} says what is wrong, ./kragle up lays it out again`,
    );
    return { release: `its files are gone, or cannot be read: ${next}` };
  }
}

/** An address that leads there from a page in that folder, whatever the names on the way. */
const linkTo = (file: string, folder: string) =>
  relative(folder, file).split("/").map(encodeURIComponent).join("/");
