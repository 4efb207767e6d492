import { execFileSync, spawnSync } from "node:child_process";
import { existsSync, mkdirSync, readdirSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";

import { projectFolder } from "../../host/project";

/**
 * Path of pykickstart's source archive, of the version and digest in requirements.txt; fetched by pip where it is not there yet.
 *
 * @throws Error where pip is missing or the package index does not answer
 */
export function pykickstart(): string {
  const folder = join(projectFolder, ".kragle/pykickstart");
  if (!existsSync(folder)) {
    const fresh = `${folder}.${process.pid}`;
    mkdirSync(fresh, { recursive: true });
    const { status, stderr, error } = spawnSync(
      "python3",
      [
        ...["-m", "pip", "download", "--quiet", "--no-deps", "--require-hashes", "--dest", fresh],
        ...["--requirement", join(__dirname, "requirements.txt")],
      ],
      { encoding: "utf8" },
    );
    if (status !== 0) {
      rmSync(fresh, { recursive: true });
      throw new Error(`python3 -m pip could not fetch pykickstart: ${error?.message ?? stderr}`);
    }
    renameSync(fresh, folder);
  }
  return join(
    folder,
    readdirSync(folder).find((name) => name.endsWith(".tar.gz"))!,
  );
}

/** Reads kickstarts in the tools image as the installer of RHEL 7.1 would; one answer each, "ok" or the error's text. */
export function readKickstarts(toolsImage: string, texts: readonly string[]): string[] {
  const program = `
import json, os, sys, tarfile
sys.dont_write_bytecode = True
with tarfile.open("/pykickstart.tar.gz") as archive:
    archive.extractall("/tmp/source")
top = os.path.join("/tmp/source", os.listdir("/tmp/source")[0])
os.makedirs("/tmp/requests")
open("/tmp/requests/__init__.py", "w").close()
with open("/tmp/requests/exceptions.py", "w") as file:
    file.write("SSLError = RequestException = OSError")
sys.path[:0] = ["/tmp", top, "/installer"]
import kickstart
answers = []
for text in json.load(sys.stdin):
    with open("/tmp/ks.cfg", "w") as file:
        file.write(text)
    try:
        kickstart.read("/tmp/ks.cfg")
        answers.append("ok")
    except kickstart.KickstartError as error:
        answers.append(" ".join(str(error).split()))
print("\\n" + json.dumps(answers))
`;
  const mounts = [
    `type=bind,source=${join(__dirname, "installer")},target=/installer,readonly`,
    `type=bind,source=${pykickstart()},target=/pykickstart.tar.gz,readonly`,
  ].flatMap((mount) => ["--mount", mount]);
  const output = execFileSync(
    "docker",
    [
      ...["run", "--rm", "--interactive", "--network", "none", ...mounts],
      ...["--entrypoint", "python3", toolsImage, "-c", program],
    ],
    { input: JSON.stringify(texts), encoding: "utf8", stdio: ["pipe", "pipe", "pipe"] },
  );
  return JSON.parse(output.trim().split("\n").at(-1)!) as string[];
}
