import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { chmodSync, mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";

import { programsFolder } from "../../host/project";
import { treeDigests } from "../../host/tree";
import { foldersOf, writeFilesDisk } from "../../stages/image/filesDisk";
import { toolsImage } from "./toolsImage";

/** A guest that has two accounts, a folder that is a link, and the disk of files as its second one. */
const GUEST = `set -e
mount -t tmpfs tmpfs /sys/block
mkdir /sys/block/vda /sys/block/vdb
echo kragle-files >/sys/block/vdb/serial
cp /w/disk /dev/vdb
groupadd app && useradd -g app app
mkdir -m 700 /real && ln -s real /linked
`;

describe("files in a guest", function () {
  this.timeout(120_000);
  let image: string;
  let folder: string;
  before(async function () {
    image = await toolsImage(this);
  });
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "kragle-files-"));
    chmodSync(folder, 0o755);
    mkdirSync(join(folder, "tree/deep/empty"), { recursive: true });
    writeFileSync(join(folder, "tree/a b ö"), "x");
    writeFileSync(join(folder, "tree/deep/run"), "#!/bin/sh\n");
    chmodSync(join(folder, "tree/deep/run"), 0o755);
    symlinkSync("../nowhere", join(folder, "tree/deep/link"));
  });
  afterEach(() => rmSync(folder, { recursive: true }));

  const copy = (name: string, to: string, owner: string, mode: string | null = null) => {
    const source = join(folder, name);
    return { content: treeDigests(source), to, owner, mode, source };
  };

  async function inGuest(copies: ReturnType<typeof copy>[], look: string): Promise<string[]> {
    const offsets = await writeFilesDisk(join(folder, "disk"), copies);
    const words = copies.map(({ owner }, index) => `${offsets[index]} ${owner}`).join(" ");
    const folders = foldersOf(copies).map(({ mode, owner, path }) => `${mode} ${owner} ${path}\n`);
    writeFileSync(join(folder, "folders"), folders.join(""));
    const run = `cat /p/files.sh /w/folders >/tmp/files.sh; sh /tmp/files.sh ${words} || echo "code $?"\n${look}`;
    writeFileSync(join(folder, "run.sh"), GUEST + run);
    const { stdout, stderr } = spawnSync(
      "docker",
      [
        ...["run", "--rm", "--network", "none", "--cap-add", "SYS_ADMIN"],
        ...["--security-opt", "apparmor=unconfined", "--entrypoint", "sh"],
        ...["--volume", `${join(programsFolder, "image")}:/p:ro`, "--volume", `${folder}:/w:ro`],
        ...[image, "/w/run.sh"],
      ],
      { encoding: "utf8" },
    );
    return (stdout + stderr).trim().split(/ *\n/);
  }

  it("have their names, modes and owners; what was there stays as it was", async () => {
    const copies = [
      copy("tree", "/opt/site", "app", "0640"),
      copy("tree/deep/run", "/linked/run", "app:root"),
      copy("tree/deep/run", "/opt/as root", "root:app", "4750"),
    ];
    const look =
      "find /opt/as* /opt/site /real /linked -printf '%M %u:%g %p %l\\n' | LC_ALL=C sort -k3";
    assert.deepEqual(await inGuest(copies, look), [
      "lrwxrwxrwx root:root /linked real",
      "-rwsr-x--- root:app /opt/as root",
      "drwxr-x--- app:app /opt/site",
      "-rw-r----- app:app /opt/site/a b ö",
      "drwxr-x--- app:app /opt/site/deep",
      "drwxr-x--- app:app /opt/site/deep/empty",
      "lrwxrwxrwx app:app /opt/site/deep/link ../nowhere",
      "-rw-r----- app:app /opt/site/deep/run",
      "drwx------ root:root /real",
      "-rwxr-xr-x app:root /real/run",
    ]);
  });

  it("of an account that the guest lacks are refused by its name, before anything is written", async () => {
    assert.deepEqual(await inGuest([copy("tree/deep/run", "/opt/run", "web")], "ls /opt"), [
      "code 1",
      'the guest has no user "web"; an earlier step has to make it',
    ]);
    assert.deepEqual(await inGuest([copy("tree/deep/run", "/opt/run", "app:web")], "ls /opt"), [
      "code 1",
      'the guest has no group "web"; an earlier step has to make it',
    ]);
  });
});
