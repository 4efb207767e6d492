/**
 * A stand-in for the installation DVD of RHEL 7.1, which nobody may pass on: an ISO that boots, installs and behaves like it as
 * far as a template can tell, made of Debian packages.
 *
 *   makeIso.py       makes it, in the tools image: volume label, kernel and initrd at the DVD's places, list of its packages
 *   installer/       the initrd's programs: inst.* options and the kickstart as anaconda 19.31.123 takes them, its words on the
 *                    console; the kickstart is read by pykickstart itself, less what came after 7.1
 *   system/          what the small system that it installs has of Enterprise Linux 7: its files and commands, among them
 *                    subscription-manager and yum, which tell on the serial line how they were called
 *   dvdPackages.txt  the packages that a kickstart can ask for
 *
 * It differs from the real one in what no template sees: the kernel, systemd and SSH are Debian's, SELinux is not enforced, and
 * there is no RPM.
 */
import { execFileSync, spawnSync } from "node:child_process";
import { createHash } from "node:crypto";
import {
  existsSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  renameSync,
  rmSync,
  writeFileSync,
} from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { hostAptConfiguration } from "../../host/packageMirror";
import { hostCertificateBundle } from "../../host/certificates";
import { hostProxyEnvironment } from "../../host/proxies";
import { projectFolder } from "../../host/project";
import { sha256File } from "../../host/files";
import { pykickstart } from "./pykickstart";

export interface StandInIso {
  readonly path: string;
  readonly sha256: string;
}

/** Name of the real DVD's file. */
export const DVD = "rhel-server-7.1-x86_64-dvd.iso";

/**
 * The stand-in's ISO; made where there is none of today's packages and of these programs yet, which takes 1–3 minutes.
 *
 * @throws Error where Docker, the package mirror or the Python package index does not answer
 */
export async function standInIso(toolsImage: string): Promise<StandInIso> {
  const cache = join(projectFolder, ".kragle/standIn");
  const key = contentKey();
  const folder = join(cache, key);
  const path = join(folder, DVD);
  if (!existsSync(path)) {
    const others = existsSync(cache) ? readdirSync(cache).filter((name) => name !== key) : [];
    for (const name of others) rmSync(join(cache, name), { recursive: true });
    generate(toolsImage, folder);
  }
  return { path, sha256: await sha256File(path) };
}

/** Of everything that the ISO is made of; the packages are those of the day. */
function contentKey(): string {
  const hash = createHash("sha256").update(new Date().toISOString().slice(0, 10));
  for (const entry of readdirSync(__dirname, { recursive: true, withFileTypes: true })) {
    if (!entry.isFile() || entry.name.endsWith(".ts")) continue;
    const file = join(entry.parentPath, entry.name);
    hash.update(`\0${file.slice(__dirname.length)}\0`).update(readFileSync(file));
  }
  return hash.digest("hex").slice(0, 16);
}

function generate(toolsImage: string, folder: string): void {
  const work = mkdtempSync(join(tmpdir(), "kragle-stand-in-"));
  try {
    const settings = {
      apt: hostAptConfiguration("bookworm"),
      pykickstart: "/pykickstart.tar.gz",
      output: `/result/${DVD}`,
    };
    writeFileSync(join(work, "settings.json"), JSON.stringify(settings));
    const bundle = hostCertificateBundle();
    const mounts = [
      `type=bind,source=${work},target=/result`,
      `type=bind,source=${__dirname},target=/standIn,readonly`,
      `type=bind,source=${pykickstart()},target=/pykickstart.tar.gz,readonly`,
      ...(bundle
        ? [`type=bind,source=${bundle},target=/etc/ssl/certs/ca-certificates.crt,readonly`]
        : []),
    ];
    const environment = Object.entries(hostProxyEnvironment());
    run("docker", [
      ...["run", "--rm", "--entrypoint", "python3"],
      ...mounts.flatMap((mount) => ["--mount", mount]),
      ...environment.flatMap(([name, value]) => ["--env", `${name}=${value}`]),
      ...[toolsImage, "/standIn/makeIso.py", "/result/settings.json"],
    ]);
    mkdirSync(folder, { recursive: true });
    execFileSync("cp", ["--sparse=always", join(work, DVD), join(folder, `${DVD}.new`)]);
    renameSync(join(folder, `${DVD}.new`), join(folder, DVD));
  } finally {
    rmSync(work, { recursive: true, force: true });
  }
}

function run(command: string, args: string[]): void {
  const { status, stdout, stderr, error } = spawnSync(command, args, {
    encoding: "utf8",
    maxBuffer: 2 ** 28,
  });
  if (status === 0) return;
  const lines = `${stdout ?? ""}\n${stderr ?? ""}`.trim().split("\n").slice(-15).join("\n");
  throw new Error(
    `making the stand-in ISO failed: ${command} ${args[0]} ended with ${status ?? error?.message}:\n${lines}`,
  );
}
