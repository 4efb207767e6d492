import { createHash } from "node:crypto";
import { mkdir, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";

import type Docker from "dockerode";
import tar from "tar-fs";

import { withTemporaryFolder } from "../host/temporaryFolder";
import { createContainer } from "./createContainer";
import { inspectImage, requireImage } from "./images";
import { ownContainer } from "./ownedContainer";

/** The name of the bases that are made on this machine, for all to see what they are. */
export const OWN_BASE = "kragle-base";

/**
 * Makes an image that is another one and trusts whom the host trusts: what is built on it can ask a mirror or a proxy whose certificate
 * only the host knows. A bundle is too large for a build argument. The same image is made once, and named by what it is made of.
 *
 * @param files content by path
 * @returns its reference
 */
export async function trustingBase(
  docker: Docker,
  base: string,
  files: ReadonlyMap<string, Buffer>,
): Promise<string> {
  const { id } = await requireImage({ docker }, base);
  const digest = createHash("sha256").update(id);
  for (const [path, content] of files) digest.update(`\0${path}\0`).update(content);
  const tag = `trusting-${digest.digest("hex").slice(0, 12)}`;
  const image = `${OWN_BASE}:${tag}`;
  if (await inspectImage({ docker }, image)) return image;
  const { name, remove } = ownContainer(docker);
  try {
    // never started: only files are laid into it
    const container = await createContainer(docker, { name, Image: base, Cmd: ["true"] });
    await withTemporaryFolder("kragle-trust-", async (folder) => {
      for (const [path, content] of files) {
        await mkdir(join(folder, dirname(path)), { recursive: true });
        await writeFile(join(folder, path), content, { mode: 0o644 });
      }
      // without the folders: those of the image keep their modes
      const entries = [...files.keys()];
      const map = (header: tar.Headers) => ({ ...header, uid: 0, gid: 0 });
      const archive = tar.pack(folder, { entries, map }) as unknown as NodeJS.ReadableStream;
      await container.putArchive(archive, { path: "/" });
    });
    await container.commit({ repo: OWN_BASE, tag, comment: `${base}, and the host's authorities` });
  } finally {
    await remove();
  }
  return image;
}
