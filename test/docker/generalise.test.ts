import assert from "node:assert/strict";

import { guestContainer, MAY_MOUNT } from "./guestContainer";

describe("generalisation of a guest", function () {
  this.timeout(120_000);
  const { run: inGuest } = guestContainer();

  it("leaves what a script put there, and lists what it takes away", () => {
    const said = inGuest(
      `
useradd -m packer; mkdir -p /etc/sudoers.d /var/lib/cloud/instance /root/.ssh
for file in /etc/sudoers.d/packer /var/lib/cloud/instance/x /etc/ssh/ssh_host_x_key /etc/machine-id; do echo x >$file; done
echo 'ssh-ed25519 AAAA kragle-build' >/root/.ssh/authorized_keys
mkdir -p /etc/sysconfig/network-scripts
echo '# Created by cloud-init on instance boot automatically, do not edit.' >/etc/sysconfig/network-scripts/ifcfg-eth0
echo 'DEVICE=eth1' >/etc/sysconfig/network-scripts/ifcfg-eth1
sleep 1.1; sh /guest/guest.sh prepare; sleep 1.1
script 50-acme.sh <<'END'
#!/bin/sh
for file in /home/ci/.cache/ms-playwright/browser /root/.cache/pre-commit/x /srv/seed/northwind.bak /etc/acme/a.conf.bak \\
  /etc/sudoers.d/kragle /var/lib/cloud/scripts/per-boot/a.sh /root/.ssh/known_hosts /etc/krb5.keytab /etc/hostid \\
  /var/crash/kept/x /var/crash/other/x /var/log/wtmp.db /var/lib/lastlog/lastlog2.db "/tmp/a
b"; do mkdir -p "\${file%/*}"; echo x >"$file"; done
useradd -m kragle
printf '%s\\n' /etc/hostid /var/crash/kept/ >>"$KRAGLE_KEEP"
echo 'ssh-ed25519 AAAA operator' >>/root/.ssh/authorized_keys
umount /etc/resolv.conf; printf 'nameserver 10.0.2.3\\nnameserver 192.0.2.53\\n' >/etc/resolv.conf
mount -t tmpfs -o noexec tmpfs /tmp
END
sleep 1.1
script 90-generalise.sh </provision/90-generalise.sh
umount /tmp
for file in /home/ci/.cache/ms-playwright/browser /root/.cache/pre-commit/x /srv/seed/northwind.bak /etc/acme/a.conf.bak \\
  /etc/sudoers.d/* /var/lib/cloud/scripts/per-boot/a.sh /root/.ssh/known_hosts /etc/krb5.keytab /etc/hostid /var/crash/* /tmp/* \\
  /var/lib/kragle /run/kragle /etc/sysconfig/network-scripts/*
do [ ! -e "$file" ] || echo "there $file"; done
cat /root/.ssh/authorized_keys /etc/resolv.conf
id -un packer kragle
`,
      ...MAY_MOUNT,
    );
    const removed = said.flatMap((line) => /^MK\|removed\t(.*)/.exec(line)?.[1] ?? []);
    for (const line of [
      "emptied\tidentity\t/etc/machine-id\t-",
      "deleted\tidentity\t/etc/ssh/ssh_host_x_key\t-",
      "deleted\tidentity\t/etc/krb5.keytab\t50-acme.sh",
      "deleted\tidentity\t/etc/sysconfig/network-scripts/ifcfg-eth0\t-",
      "deleted\tprivate\t/tmp/a?b\t50-acme.sh",
      "deleted\ttrace\t/var/lib/cloud/instance\t-",
      "deleted\ttrace\t/var/log/wtmp.db\t50-acme.sh",
      "deleted\ttrace\t/var/lib/lastlog/lastlog2.db\t50-acme.sh",
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
        ...["/var/crash/kept", "/etc/sysconfig/network-scripts/ifcfg-eth1"],
      ],
    );
    assert.deepEqual(said.slice(-4), [
      ...["ssh-ed25519 AAAA operator", "nameserver 192.0.2.53", "kragle"],
      "id: ‘packer’: no such user",
    ]);
  });

  it("lets no line reach the disk that a service writes while the guest powers off, and leaves its folders and files", () => {
    const said = inGuest(
      `
mkdir -p /var/log/acme/old /var/log/empty
printf 'by hand\\n' >/var/log/acme/seed.log
for name in appended over kept reopened; do echo "line of the build" >/var/log/acme/$name.log; done
chown -R www-data:adm /var/log/acme; chmod 750 /var/log/acme; chmod 640 /var/log/acme/*.log; chmod 2775 /var/log/empty
cat >/usr/local/bin/acme <<'END'
#!/bin/sh
exec 5>>/var/log/acme/appended.log 6>/var/log/acme/over.log 7>>/var/log/acme/kept.log
stop() {
  echo bye >&5; echo bye >&6; echo bye >&7
  echo bye >>/var/log/acme/reopened.log; echo bye >/var/log/acme/new.log
  ls -ld /var/log/acme/reopened.log | cut -c 1-10 >/told
  exit
}
trap stop TERM
echo began >&6
while :; do sleep 0.1; done
END
chmod 755 /usr/local/bin/acme; setsid acme & acme=$!
sleep 0.5
printf 'echo /var/log/acme/kept.log >>"$KRAGLE_KEEP"' | script 50-acme.sh
script 90-generalise.sh </provision/90-generalise.sh
kill $acme; wait $acme
umount /var/log && echo "off"
cat /told; ls -d /var/log/acme/new.log
find /var/log -type f -size +0
(cd /var/log && stat -c '%n %U:%G %a' acme empty acme/*)
`,
      ...MAY_MOUNT,
    );
    const removed = said.flatMap((line) => /^MK\|removed\t(.*)/.exec(line)?.[1] ?? []);
    assert.ok(removed.includes("emptied\ttrace\t/var/log/acme/seed.log\t-"), said.join("\n"));
    assert.deepEqual(said.slice(said.indexOf("off")), [
      ...["off", "-rw-r-----"],
      "/var/log/acme/kept.log",
      ...["acme www-data:adm 750", "empty root:root 2775"],
      ...["appended", "kept"].map((name) => `acme/${name}.log www-data:adm 640`),
      "acme/old www-data:adm 755",
      ...["over", "reopened", "seed"].map((name) => `acme/${name}.log www-data:adm 640`),
      "ls: cannot access '/var/log/acme/new.log': No such file or directory",
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

  it("tells by what root comes in, where an image may be made on this one", () => {
    const said = inGuest(`
cat >/usr/local/sbin/sshd <<'END'
#!/bin/sh
echo "$*" >/asked
printf '%s\\n' "port 22" "permitrootlogin no" "allowusers deploy" "listenaddress [::]:22"
END
chmod 755 /usr/local/sbin/sshd
export SSH_CONNECTION='10.0.2.2 40000 10.0.2.15 22'
script 90-generalise.sh </provision/90-generalise.sh
sh /guest/guest.sh prepare
export KRAGLE_IMAGE_ID=web KRAGLE_IMAGE_VERSION=1 KRAGLE_BUILD_ID=1
script 90-generalise.sh </provision/90-generalise.sh
cat /asked
`);
    assert.deepEqual(
      said.filter((line) => line.includes("way in") || line.startsWith("-T")),
      [
        ...["MK|way in\tcame-by 22", "MK|way in\tgroups-of-root root"],
        ...["MK|way in\tpermitrootlogin no", "MK|way in\tallowusers deploy"],
        ...["MK|way in\tlistenaddress [::]:22", "-T -C user=root,host=build,addr=192.0.2.1"],
      ],
    );
  });

  it("takes nothing for installed where a script has set the clock back", () => {
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

  it("tells by file and script what it cannot take away", () => {
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
      ...MAY_MOUNT,
    );
    const text = said.join("\n");
    assert.match(
      text,
      /MK\|rm: cannot remove '\/etc\/krb5\.keytab': Device or resource busy\nMK\|\/etc\/krb5\.keytab was last changed by 50-dns\.sh/,
    );
    assert.equal(said.at(-1), "code 1");
  });
});
