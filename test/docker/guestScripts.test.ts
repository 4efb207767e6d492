import assert from "node:assert/strict";
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

/** Answers with this machine's own address, but for the first questions not at all; their number is its argument. */
const LATE_RESOLVER = `
import socket, sys
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
while True:
    question, asker = server.recvfrom(512)
    unanswered = int(sys.argv[1])
    if unanswered > 0:
        sys.argv[1] = str(unanswered - 1)
        continue
    end = question.index(b"\\0", 12) + 5
    address = b"\\xc0\\x0c\\0\\1\\0\\1\\0\\0\\0\\x3c\\0\\4\\x7f\\0\\0\\1" if question[end - 4 : end - 2] == b"\\0\\1" else b""
    counts = b"\\0\\1" + (b"\\0\\1" if address else b"\\0\\0") + bytes(4)
    server.sendto(question[:2] + b"\\x81\\x80" + counts + question[12:end] + address, asker)
`;

describe("in a guest", function () {
  this.timeout(120_000);
  let image: string;
  let folder: string;
  before(async function () {
    image = await toolsImage(this);
  });
  beforeEach(() => (folder = mkdtempSync(join(tmpdir(), "kragle-guest-"))));
  afterEach(() => rmSync(folder, { recursive: true }));

  function inGuest(script: string, ...options: string[]): string[] {
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

  it("a script's lines are marked, whatever they say, and its exit code is kept", () => {
    const said = inGuest(`
script 1 <<'END'
#!/bin/sh
echo "Build 'kragle-qcow2' errored: not at all" >&2
printf '10%%\\r20%%\\nno line end'
exit 7
END
printf 'echo no first line' | script 2
`);
    assert.deepEqual(said, [
      ...["MK|Build 'kragle-qcow2' errored: not at all", "MK|20%", "MK|no line end", "code 7"],
      ...["MK|no first line", "code 0"],
    ]);
  });

  it("a script ends when it ends, and what it leaves running is named", () => {
    const said = inGuest(`
script 1 <<'END'
#!/bin/sh
sleep 300 &
setsid sleep 301 >/dev/null &
(sleep 1; echo late; touch /tmp/late) &
echo done
END
sleep 3
ls /tmp/late
`);
    const still = /^MK!still running after the script has ended: (.*)\(process \d+\)$/;
    const named = said.flatMap((line) => still.exec(line)?.[1]?.trim() ?? []);
    assert.deepEqual(named.filter((name) => /^sleep 30/.test(name)).sort(), [
      ...["sleep 300", "sleep 301"],
    ]);
    // whoever prints to nobody is not ended for it
    assert.deepEqual([said[0], said.at(-2), said.at(-1)], ["MK|done", "code 0", "/tmp/late"]);
  });

  it("a script whose interpreter is lacking is told so", () => {
    const said = inGuest(`printf '#!/usr/bin/env ruby\\nputs 1\\n' | script 1`);
    assert.match(said[0]!, /^MK!the guest has no ruby, by which the script is to be run/);
    assert.equal(said[1], "code 127");
  });

  it("a script that env would not run, but end as if it had, is told so", () => {
    const said = inGuest(`printf '#!/usr/bin/env -u LANG sh\necho it runs\n' | script 1
printf '#!/usr/bin/env -S -u LANG sh -e\necho it runs\n' | script 2`);
    assert.match(said[0]!, /^MK!the script's first line, .*-u LANG sh, does not run it: env gets/);
    assert.deepEqual(said.slice(1), ["code 127", "MK|it runs", "code 0"]);
  });

  /** What makes it impossible to go on after a script, and what is said of it. */
  const INTOLERABLE: readonly (readonly [script: string, said: RegExp])[] = [
    [
      "rm -rf /var/lib/kragle",
      /^MK!the script took away \/run\/kragle\/guest\.sh, which the build/,
    ],
    ["rm -rf /run/kragle; exit 0", /^MK!the script took away \/run\/kragle\/guest\.sh/],
    [": >/run/kragle/keep; rm /run/kragle/steps", /^MK!the script took away \/run\/kragle\/steps/],
    ["mount -t tmpfs tmpfs /run", /^MK!the script took away \/run\/kragle\/guest\.sh/],
    [
      "mount --bind /var/lib /var/lib && mount -o remount,bind,noexec /var/lib",
      /^MK!after the script, \/var\/lib\/kragle takes no script any more, or runs none.*denied/,
    ],
    [
      "mount --bind /var/lib /var/lib && mount -o remount,bind,ro /var/lib",
      /^MK!after the script, \/var\/lib\/kragle takes no script any more.*Read-only/,
    ],
    [
      "usermod --shell /usr/sbin/nologin root",
      /^MK!after the script, root's login shell \/usr\/sbin\/nologin runs no commands \(exit code 1\).*not available/,
    ],
    [
      "echo 'echo welcome; echo here' >>/root/.bashrc",
      /^MK!after the script, root's login shell \/bin\/bash prints something.*: welcome here$/,
    ],
    [
      "mount -t tmpfs -o size=64k,mode=755 tmpfs /opt; cp -a /var/lib/kragle/. /opt; mount --bind /opt /var/lib/kragle; yes >/opt/full; true",
      /^MK!after the script, \/var\/lib\/kragle takes no script any more.*\(0 KiB are free\)$/,
    ],
    ["echo 'exec false' >>/root/.bashrc", /^MK!.* runs no commands \(exit code 1\)/],
  ];
  it("a script after which nothing could go on fails itself, in words", () => {
    for (const [script, words] of INTOLERABLE) {
      const said = inGuest(
        `script 1 <<'END'\n#!/bin/sh\n${script}\nEND\n`,
        ...["--cap-add", "SYS_ADMIN", "--security-opt", "apparmor=unconfined"],
      );
      assert.match(said.at(-2) ?? "", words, `${script}: ${said.join("\n")}`);
      assert.equal(said.at(-1), "code 1", script);
    }
  });

  it("what a script says after it has killed the shell that runs it is still its own", () => {
    const said = inGuest(`
printf '#!/bin/sh\\necho first; kill -9 $PPID; sleep 1; echo late' | script 1
sleep 2
`);
    assert.deepEqual(
      said.filter((line) => line.startsWith("MK")),
      ["MK|first", "MK|late"],
    );
    assert.ok(said.includes("code 137"), said.join("\n"));
  });

  it("any shell may be root's, and print where somebody looks", () => {
    const said = inGuest(`
script 1 <<'END'
#!/bin/sh
usermod --shell /bin/dash root
echo 'case $- in *i*) echo welcome ;; esac' >>/root/.bashrc
echo 'echo to whom it may concern >&2' >>/root/.bashrc
echo 'echo welcome' >>/root/.profile
END
printf 'usermod --shell /bin/bash root' | script 2
`);
    assert.deepEqual(said, ["code 0", "code 0"]);
  });

  it("a resolver that fails for a while costs a script time, not the build", () => {
    writeFileSync(join(folder, "lateResolver.py"), LATE_RESOLVER);
    // the 9th question is answered: two of each of five tries
    const said = inGuest(`
printf 'nameserver 127.0.0.1\\noptions timeout:1 attempts:1\\n' >/etc/resolv.conf
mkdir /srv/repo; cd /srv/repo; : >Packages
sum=$(sha256sum Packages | cut -d ' ' -f 1)
printf 'Date: Sun, 01 Nov 2026 00:00:00 UTC\\nSHA256:\\n %s 0 Packages\\n' "$sum" >Release
python3 -m http.server 80 --bind 127.0.0.1 >/dev/null 2>&1 &
python3 /w/lateResolver.py 8 &
rm -rf /etc/apt/sources.list*
echo 'deb [trusted=yes] http://packages.test/ ./' >/etc/apt/sources.list
printf '#!/bin/sh\\napt-get -q update' | script 1
`);
    assert.equal(said.at(-1), "code 0", said.join("\n"));
    assert.ok(
      said.some((line) => /^MK\|Get:\d+ http:\/\/packages\.test/.test(line)),
      said.join("\n"),
    );
  });

  const noexec = (...paths: string[]) => paths.flatMap((path) => ["--tmpfs", `${path}:noexec`]);
  it("scripts run where /tmp, /run and others are mounted noexec, by a strict umask", () => {
    const script = "umask 077\nprintf '#!/bin/sh\\necho it runs\\n' | script 1";
    const said = inGuest(script, ...noexec("/tmp", "/var/tmp", "/run", "/home", "/var/lib"));
    assert.deepEqual(said, ["MK|it runs", "code 0"]);
  });

  it("or it is told that nothing runs anywhere", () => {
    const said = inGuest("", ...noexec("/var/lib", "/opt", "/root", "/run"));
    assert.match(said.join(), /no folder of the guest lets programs run: \/var\/lib/);
  });

  it("generalisation leaves what a script put there, and lists what it takes away", () => {
    const said = inGuest(
      `
useradd -m packer; mkdir -p /etc/sudoers.d /var/lib/cloud/instance /root/.ssh
for file in /etc/sudoers.d/packer /var/lib/cloud/instance/x /etc/ssh/ssh_host_x_key /etc/machine-id; do echo x >$file; done
echo 'ssh-ed25519 AAAA kragle-build' >/root/.ssh/authorized_keys
sleep 1.1; sh /guest/guest.sh prepare; sleep 1.1
script 50-acme.sh <<'END'
#!/bin/sh
for file in /home/ci/.cache/ms-playwright/browser /root/.cache/pre-commit/x /srv/seed/northwind.bak /etc/acme/a.conf.bak \\
  /etc/sudoers.d/kragle /var/lib/cloud/scripts/per-boot/a.sh /root/.ssh/known_hosts /etc/krb5.keytab /etc/hostid "/tmp/a
b"; do mkdir -p "\${file%/*}"; echo x >"$file"; done
useradd -m kragle
echo /etc/hostid >>"$KRAGLE_KEEP"
echo 'ssh-ed25519 AAAA operator' >>/root/.ssh/authorized_keys
umount /etc/resolv.conf; printf 'nameserver 10.0.2.3\\nnameserver 192.0.2.53\\n' >/etc/resolv.conf
mount -t tmpfs -o noexec tmpfs /tmp
END
sleep 1.1
script 90-generalise.sh </provision/90-generalise.sh
umount /tmp
for file in /home/ci/.cache/ms-playwright/browser /root/.cache/pre-commit/x /srv/seed/northwind.bak /etc/acme/a.conf.bak \\
  /etc/sudoers.d/* /var/lib/cloud/scripts/per-boot/a.sh /root/.ssh/known_hosts /etc/krb5.keytab /etc/hostid /tmp/* /var/lib/kragle /run/kragle
do [ ! -e "$file" ] || echo "there $file"; done
cat /root/.ssh/authorized_keys /etc/resolv.conf
id -un packer kragle
`,
      "--cap-add",
      "SYS_ADMIN",
      "--security-opt",
      "apparmor=unconfined",
    );
    const removed = said.flatMap((line) => /^MK\|removed\t(.*)/.exec(line)?.[1] ?? []);
    for (const line of [
      "emptied\tidentity\t/etc/machine-id\t-",
      "deleted\tidentity\t/etc/ssh/ssh_host_x_key\t-",
      "deleted\tidentity\t/etc/krb5.keytab\t50-acme.sh",
      "deleted\tprivate\t/tmp/a?b\t50-acme.sh",
      "deleted\ttrace\t/var/lib/cloud/instance\t-",
      "deleted\tidentity\taccount packer\t-",
    ]) {
      assert.ok(removed.includes(line), `${line}\n${said.join("\n")}`);
    }
    assert.deepEqual(
      said.filter((line) => line.startsWith("there ")).map((line) => line.slice(6)),
      [
        ...["/home/ci/.cache/ms-playwright/browser", "/root/.cache/pre-commit/x"],
        ...["/srv/seed/northwind.bak", "/etc/acme/a.conf.bak", "/etc/sudoers.d/kragle"],
        ...["/var/lib/cloud/scripts/per-boot/a.sh", "/root/.ssh/known_hosts", "/etc/hostid"],
      ],
    );
    assert.deepEqual(said.slice(-4), [
      ...["ssh-ed25519 AAAA operator", "nameserver 192.0.2.53", "kragle"],
      "id: ‘packer’: no such user",
    ]);
  });

  it("what the image says it is stands in its os-release, wherever that is", () => {
    const said = inGuest(`
export KRAGLE_IMAGE_ID=web KRAGLE_IMAGE_VERSION=1.4 KRAGLE_BUILD_ID=20261129.083105.0123456789ab
printf 'ID=x\\nIMAGE_ID=theirs\\nNAME="a b"' >/usr/lib/os-release
chmod 640 /usr/lib/os-release
stat -c 'before %i %a' /usr/lib/os-release
script 90-generalise.sh </provision/90-generalise.sh | grep -v removed
stat -c 'after %i %a' /usr/lib/os-release
readlink /etc/os-release
sh /guest/guest.sh prepare
rm /etc/os-release
printf 'ID=el\\n' >/etc/os-release
script 90-generalise.sh </provision/90-generalise.sh | grep -v removed
cat /etc/os-release
unset KRAGLE_IMAGE_ID
sh /guest/guest.sh prepare
printf 'ID=el\\n' >/etc/os-release
script 90-generalise.sh </provision/90-generalise.sh | grep -v removed
cat /usr/lib/os-release /etc/os-release
`);
    const named = [
      'IMAGE_ID="web"',
      'IMAGE_VERSION="1.4"',
      'BUILD_ID="20261129.083105.0123456789ab"',
    ];
    const [before, ...rest] = said.filter((line) => !line.startsWith("MK"));
    assert.deepEqual(rest, [
      ...["code 0", before!.replace("before", "after"), "../usr/lib/os-release"],
      ...["code 0", "ID=el", ...named],
      ...["code 0", "ID=x", 'NAME="a b"', ...named, "ID=el"],
    ]);
  });

  it("generalisation takes nothing for installed where a script has set the clock back", () => {
    const said = inGuest(`
mkdir -p /var/lib/cloud/seed
printf '#!/bin/sh\\necho $(($(%s +%%s) - $(cat /back)))' "$(command -v date)" >/usr/local/bin/date
chmod 755 /usr/local/bin/date; echo 0 >/back
sleep 1.1; sh /guest/guest.sh prepare; sleep 1.1
printf 'echo 100 >/back' | script 50-clock.sh
script 90-generalise.sh </provision/90-generalise.sh
ls -d /var/lib/cloud/seed
`);
    assert.match(said[0]!, /^MK!the script set the clock back/);
    assert.deepEqual(said.slice(-2), ["code 0", "/var/lib/cloud/seed"], said.join("\n"));
  });

  it("what generalisation cannot take away is told by file and script", () => {
    // a mount point is as immovable as a file with chattr +i, which not every file system has
    const said = inGuest(
      `
sleep 1.1
script 50-dns.sh <<'END'
#!/bin/sh
echo x >/etc/krb5.keytab
mount --bind /etc/krb5.keytab /etc/krb5.keytab
END
sleep 1.1
script 90-generalise.sh </provision/90-generalise.sh
`,
      "--cap-add",
      "SYS_ADMIN",
      "--security-opt",
      "apparmor=unconfined",
    );
    const text = said.join("\n");
    assert.match(
      text,
      /MK\|rm: cannot remove '\/etc\/krb5\.keytab': Device or resource busy\nMK\|\/etc\/krb5\.keytab was last changed by 50-dns\.sh/,
    );
    assert.equal(said.at(-1), "code 1");
  });

  /** The host's side of the guest's second serial line: says "taken", once it has kept what of the disk a point would have. */
  const HOST = `
cat >/host.py <<'END'
import os, subprocess, tty
master, slave = os.openpty()
tty.setraw(slave)
os.symlink(os.ttyname(slave), "/dev/ttyS1")
print("line", os.read(master, 100).decode().strip(), flush=True)
subprocess.run("mkdir -p /point/var && cp -a /root /point && cp -a /var/lib /point/var", shell=True)
os.write(master, b"taken\\n")
os.read(master, 1)
END
(sleep 60; kill $$) & python3 /host.py & while [ ! -e /dev/ttyS1 ]; do sleep 0.1; done
`;

  it("a point has what belongs to the image and not to the run, and a resumed build has the notes of the one before", () => {
    const said = inGuest(`
mkdir -p /root/.ssh /var/lib/cloud/data /var/lib/systemd
echo 'ssh-ed25519 AAAA kragle-build' >/root/.ssh/authorized_keys
echo seeded >/var/lib/cloud/data/instance-id
echo random >/var/lib/systemd/random-seed
script 50-1-app.sh <<'END'
#!/bin/sh
echo 'ssh-ed25519 AAAA operator' >>/root/.ssh/authorized_keys
echo /etc/hostid >>"$KRAGLE_KEEP"
useradd app
END
echo left >/run/kragle/script_1234.sh
started=$(stat -c %Y /var/lib/kragle/started)
${HOST}
cp /guest/point.sh /run/kragle/; sh /run/kragle/point.sh take 1 MK
cat /root/.ssh/authorized_keys /var/lib/cloud/data/instance-id
ls /root/.ssh
echo "in the point: $(cat /point/root/.ssh/*; ls /point/var/lib/cloud/data; ls /point/var/lib/systemd/random-seed 2>&1)"
sleep 1.1
rm -rf /run/kragle /var/lib/kragle /root/.ssh /var/lib/cloud/data && cp -a /point/. /
echo 'ssh-ed25519 BBBB kragle-build' >/root/.ssh/authorized_keys
mkdir -p /var/lib/cloud/data && echo again >/var/lib/cloud/data/instance-id
sh /guest/guest.sh resume; echo "resume $?"
cat /root/.ssh/authorized_keys; ls /root/.ssh /run/kragle/ /var/lib/cloud/data
[ "$(stat -c %Y /run/kragle/started)" = "$started" ] && echo "the same start"
cut -f 2 /run/kragle/steps; cat /run/kragle/keep; grep -c app /run/kragle/users
echo 'echo "it runs, and keeps $KRAGLE_KEEP"' | script 2
`);
    assert.deepEqual(said, [
      ...[
        "code 0",
        "line point 1",
        "ssh-ed25519 AAAA operator",
        "ssh-ed25519 AAAA kragle-build",
        "seeded",
      ],
      "authorized_keys",
      "in the point: ssh-ed25519 AAAA operator",
      "instance-id.kragle",
      "ls: cannot access '/point/var/lib/systemd/random-seed': No such file or directory",
      "resume 0",
      ...["ssh-ed25519 AAAA operator", "ssh-ed25519 BBBB kragle-build", "/root/.ssh:"],
      ...["authorized_keys", "", "/run/kragle/:", "apt.conf", "guest.sh", "keep", "output"],
      ...["point.sh", "script", "script_1234.sh", "started"],
      ...["steps", "users", "", "/var/lib/cloud/data:", "instance-id", "the same start"],
      ...[
        "50-1-app.sh",
        "-",
        "/etc/hostid",
        "0",
        "MK|it runs, and keeps /run/kragle/keep",
        "code 0",
      ],
    ]);
  });

  it("a build goes on without a point where nobody takes one", () => {
    assert.deepEqual(
      inGuest("cp /guest/point.sh /run/kragle/; sh /run/kragle/point.sh take 1 MK; echo code $?"),
      ["MK!no point: the guest has no /dev/ttyS1", "code 0"],
    );
  });
});
