import { spawnSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { builderFolder } from "../../host/project";
import { toolsImage } from "./toolsImage";

/** Runs scripts as the image stage does, by guest.sh in a session of its own; each is a line "script NAME" and what it is. */
const RUNNER = `
script() { cat >/run/kragle/script; setsid --wait sh /run/kragle/guest.sh run "$1" MK /run/kragle/script; echo "code $?"; }
sh /guest/guest.sh prepare || exit 1
`;

/** For a guest whose scripts mount. */
export const MAY_MOUNT = ["--cap-add", "SYS_ADMIN", "--security-opt", "apparmor=unconfined"];

/**
 * A container that stands for the guest while Packer provisions it; called within a `describe`, whose tests each get a folder, `/w` in there.
 *
 * @returns `run`, which gives the lines that a script and RUNNER print, and the folder of the test that runs
 */
export function guestContainer() {
  let image: string;
  let folder: string;
  before(async function () {
    image = await toolsImage(this);
  });
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "kragle-guest-"))));
  afterEach(() => rmSync(folder, { recursive: true }));

  function run(script: string, ...options: string[]): string[] {
    // in a container, free blocks would be zeroed on the disk of the machine that tests
    const noTrim = "ln -sf /bin/true /usr/local/bin/fstrim\n";
    writeFileSync(join(folder, "run.sh"), noTrim + RUNNER + script);
    chmodSync(folder, 0o755);
    const mounts = [
      `${join(builderFolder, "stages/image")}:/guest:ro`,
      `${join(builderFolder, "provision")}:/provision:ro`,
      `${folder}:/w:ro`,
    ];
    const { stdout, stderr } = spawnSync(
      "docker",
      [
        ...["run", "--rm", "--network", "none", "--entrypoint", "sh", ...options],
        ...[...mounts.flatMap((mount) => ["--volume", mount]), image, "/w/run.sh"],
      ],
      { encoding: "utf8" },
    );
    return (stdout + stderr).trimEnd().split("\n");
  }
  return { run, file: (name: string) => join(folder, name) };
}
