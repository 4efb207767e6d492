import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";

import { toolsImage } from "./toolsImage";

const firstBoot = resolve(__dirname, "../../builder/templates/rhel7/firstboot/kragle-firstboot");

/** Stand-ins for what a container has not: a volume with the seed, a host name of its own, a root to grow. */
const STUBS: Record<string, string> = {
  blkid: '[ "$2" = cidata ] && echo /dev/sr0',
  mount: 'for folder; do :; done; cp -r /seed/. "$folder"',
  umount: 'rm -rf "$1"/*',
  hostname: 'echo "hostname $1" >>/tmp/calls',
  mountpoint: "exit 1",
  findmnt: "echo /dev/vda3",
  growpart: 'echo "growpart $*" >>/tmp/calls',
  resize2fs: 'echo "resize2fs $*" >>/tmp/calls',
};
/** What a boot left behind. */
const SHOW = [
  "cat /tmp/calls",
  "echo name: $(cat /etc/hostname)",
  "for home in /root /home/cloud-user; do",
  "  test -d $home/.ssh || continue",
  "  stat -c '%U %a %n' $home/.ssh $home/.ssh/*; cat $home/.ssh/authorized_keys",
  "done",
  "cat /etc/sudoers.d/90-cloud-user 2>/dev/null; true",
].join("\n");

describe("the first boot without cloud-init", function () {
  this.timeout(60_000);
  let image: string;
  let folder: string;

  before(async function () {
    image = await toolsImage(this);
  });
  beforeEach(() => {
    folder = mkdtempSync(join(tmpdir(), "kragle first boot "));
    mkdirSync(join(folder, "bin"));
    mkdirSync(join(folder, "seed"));
    for (const [name, body] of Object.entries(STUBS)) {
      writeFileSync(join(folder, "bin", name), `#!/bin/sh\n${body}\n`, { mode: 0o755 });
    }
  });
  afterEach(() => rmSync(folder, { recursive: true, force: true }));

  /** Boots with a seed; `script` runs instead of one boot and one look at what it left. */
  function boot(metaData: string, userData: string, script = `sh /first-boot\n${SHOW}`): string[] {
    writeFileSync(join(folder, "seed/meta-data"), metaData);
    writeFileSync(join(folder, "seed/user-data"), userData);
    const prepare =
      "export PATH=/stubs:$PATH; groupadd -f wheel; mkdir -p /etc/sudoers.d; : >/tmp/calls";
    const { status, stdout, stderr } = spawnSync(
      "docker",
      [
        ...["run", "--rm", "--network", "none", "--entrypoint", "sh"],
        ...["-v", `${firstBoot}:/first-boot:ro`],
        ...["-v", `${join(folder, "bin")}:/stubs:ro`, "-v", `${join(folder, "seed")}:/seed:ro`],
        ...[image, "-c", `${prepare}\n${script}`],
      ],
      { encoding: "utf8" },
    );
    assert.equal(status, 0, stderr);
    return stdout.trim().split("\n");
  }

  const GROWN = ["growpart /dev/vda 3", "resize2fs /dev/vda3"];
  const KEYS =
    "ssh_authorized_keys:\n  - ssh-ed25519 AAAA ann@host\n  - 'ssh-rsa BBBB'\nother: x\n";

  it("gives root the keys where the seed wants that, and the machine its name", () => {
    assert.deepEqual(
      boot(
        'instance-id: i-1\nlocal-hostname: "web 1"\n',
        `#cloud-config\ndisable_root: false\n${KEYS}`,
      ),
      [
        ...[...GROWN, "hostname web 1", "name: web 1"],
        ...["root 700 /root/.ssh", "root 600 /root/.ssh/authorized_keys"],
        ...["ssh-ed25519 AAAA ann@host", "ssh-rsa BBBB"],
      ],
    );
  });

  it("gives them else to a user of its own, who may use sudo", () => {
    assert.deepEqual(boot("instance-id: i-1\n", `#cloud-config\nhostname: db\n${KEYS}`), [
      ...[...GROWN, "hostname db", "name: db"],
      ...[
        "cloud-user 700 /home/cloud-user/.ssh",
        "cloud-user 600 /home/cloud-user/.ssh/authorized_keys",
      ],
      ...["ssh-ed25519 AAAA ann@host", "ssh-rsa BBBB"],
      "cloud-user ALL=(ALL) NOPASSWD: ALL",
    ]);
  });

  it("makes no user without a key", () => {
    const lines = boot(
      "instance-id: i-1\n",
      "#cloud-config\n",
      `sh /first-boot; id cloud-user; true`,
    );
    assert.deepEqual(lines, [""]);
  });

  it("takes a seed once for each instance, and adds no key twice", () => {
    const again = "sh /first-boot; rm /tmp/calls; sh /first-boot; cat /tmp/calls";
    const seed = ["instance-id: i-1\nlocal-hostname: a\n", `disable_root: false\n${KEYS}`] as const;
    assert.deepEqual(boot(...seed, again), GROWN);
    const other =
      "sh /first-boot; rm /var/lib/cloud/data/instance-id; sh /first-boot; cat /root/.ssh/*";
    assert.deepEqual(boot(...seed, other), ["ssh-ed25519 AAAA ann@host", "ssh-rsa BBBB"]);
  });
});
