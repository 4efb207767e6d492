import assert from "node:assert/strict";

import { guestContainer } from "./guestContainer";

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

describe("a guest of which a point is taken", function () {
  this.timeout(120_000);
  const { run: inGuest } = guestContainer();

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
printf 'ssh-ed25519 AAAA operator' >/root/.ssh/authorized_keys.kragle # without an end, as steps may write it
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
      ...["authorized_keys", "", "/run/kragle/:", "guest.sh", "keep", "output"],
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
