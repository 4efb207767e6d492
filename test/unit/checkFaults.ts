import { OS_RELEASE, type SampleImage } from "./checkSamples";

export type Plant = (image: SampleImage) => void;

const file =
  (path: string, text = "x"): Plant =>
  (image) =>
    image.file(path, text);
const without =
  (path: string): Plant =>
  (image) =>
    image.remove(path);

/** For each rule, faults that it has to catch. */
export const FAULTS: Readonly<Record<string, readonly Plant[]>> = {
  "disk.consistent": [
    ({ facts }) => facts.disk.problems.push("1 errors were found"),
    ({ facts }) => (facts.disk.leaks = 3),
  ],
  "disk.standalone": [
    ({ facts }) => (facts.disk.backingFile = "base.qcow2"),
    ({ facts }) => (facts.disk.snapshots = 1),
    ({ facts }) => (facts.disk.bitmaps = 1),
    ({ facts }) => (facts.disk.encrypted = true),
  ],
  "disk.partition-table": [
    ({ facts }) => (facts.table = null),
    ({ facts }) => facts.table!.problems.push("The backup GPT table is corrupt"),
  ],
  "disk.root-last": [({ facts }) => facts.table!.partitions.reverse()],
  "disk.file-systems": [({ facts }) => facts.fileSystems[1]!.problems.push("Free blocks wrong")],
  "identity.machine-id": [
    file("/etc/machine-id", "0123456789abcdef0123456789abcdef\n"),
    file("/etc/machine-id", "0123456789abcdef0123456789abcdef"),
  ],
  "identity.dbus-machine-id": [file("/var/lib/dbus/machine-id")],
  "identity.random-seed": [
    file("/var/lib/systemd/random-seed"),
    file("/var/lib/systemd/credential.secret"),
    file("/boot/efi/loader/random-seed"),
  ],
  "identity.boot-entries": [
    file("/boot/loader/entries/0123456789abcdef0123456789abcdef-6.1.0.conf"),
  ],
  "identity.entry-token": [file("/etc/kernel/entry-token", "0123456789abcdef0123456789abcdef\n")],
  "identity.inventory": [
    file("/var/lib/yum/uuid"),
    file("/etc/yum/vars/uuid"),
    file("/etc/lvm/devices/system.devices"),
  ],
  "identity.domain": [
    file("/etc/krb5.keytab"),
    file("/var/lib/samba/private/secrets.tdb"),
    file("/var/lib/sss/db/cache_example.ldb"),
  ],
  "identity.agents": [
    file("/etc/puppetlabs/puppet/ssl/private_keys/build.pem"),
    file("/etc/salt/pki/minion/minion.pem"),
  ],
  "ssh.host-keys": [
    file("/etc/dropbear/dropbear_rsa_host_key"),
    file("/etc/ssh/ssh_host_ed25519_key"),
    file("/etc/ssh/ssh_host_rsa_key.pub"),
  ],
  "ssh.host-keys-made": [without("/etc/systemd/system/cloud-init.target.wants/cloud-init.service")],
  "ssh.authorized-keys": [
    file("/root/.ssh/authorized_keys", "ssh-ed25519 AAAA build"),
    file("/home/packer/.ssh/authorized_keys2", "ssh-ed25519 AAAA build"),
    file("/srv/git/.ssh/authorized_keys", "ssh-ed25519 AAAA build"),
    file("/.ssh/authorized_keys", "ssh-ed25519 AAAA build"),
  ],
  "ssh.client-files": [
    file("/root/.ssh/id_rsa"),
    file("/home/a/.ssh/known_hosts"),
    file("/srv/git/.ssh/id_rsa"),
  ],
  "ssh.root-login": [
    file("/etc/ssh/sshd_config.d/10-root.conf", "permitrootlogin yes\n"),
    file("/etc/ssh/sshd_config", "PermitRootLogin=yes\n"),
  ],
  "ssh.passwords": [without("/etc/ssh/sshd_config.d/60-keys.conf")],
  "accounts.root-locked": [
    file("/etc/shadow", "root:$y$j9T$abc:19000::::::\n"),
    file("/etc/shadow", "root::19000::::::\n"),
    without("/etc/shadow"),
  ],
  "accounts.no-passwords": [
    file("/etc/shadow", "root:*:19000::::::\ndebian::19000::::::\n"),
    file("/etc/shadow", "root:*:19000::::::\ndebian:$6$a$b:19000::::::\n"),
  ],
  "accounts.shadowed": [
    file("/etc/passwd", "root:x:0:0::/root:/bin/sh\ntoor::0:0::/root:/bin/sh\n"),
    file("/etc/passwd", "root:$6$salt$hash:0:0::/root:/bin/sh\n"),
    file("/etc/passwd", "root:xyz:0:0::/root:/bin/sh\n"),
  ],
  "accounts.build-user": [
    file(
      "/etc/passwd",
      "root:x:0:0:root:/root:/bin/bash\npacker:x:1000:1000::/home/packer:/bin/sh\n",
    ),
    file("/etc/sudoers.d/build", "packer ALL=(ALL) ALL\n"),
  ],
  "accounts.build-home": [file("/home/packer")],
  "accounts.sudo": [
    file("/etc/sudoers.d/90-build", "admin ALL=(ALL) NOPASSWD:ALL\n"),
    file("/etc/sudoers.d/90-build", "Defaults:admin !authenticate\n"),
  ],
  "accounts.backups": [
    file("/etc/shadow-"),
    file("/etc/gshadow-"),
    file("/etc/passwd.bak"),
    file("/var/backups/shadow.bak"),
  ],
  "installer.leftovers": [
    file("/root/anaconda-ks.cfg"),
    file("/root/original-ks.cfg"),
    file("/root/preseed.cfg"),
    file("/preseed.cfg"),
    file("/var/log/anaconda/syslog", ""),
    file("/var/log/installer/cdebconf/questions.dat"),
  ],
  "installer.answers": [
    file("/var/cache/debconf/passwords.dat", "Name: x/password\nTemplate: x\nValue: s3cret\n"),
  ],
  "subscription.identity": [
    file("/etc/pki/consumer/cert.pem"),
    file("/etc/pki/entitlement/1.pem"),
    file("/var/lib/rhsm/productid.js"),
    file("/etc/sysconfig/rhn/systemid"),
  ],
  "network.hardware": [
    file("/etc/sysconfig/network-scripts/ifcfg-eth0", "DEVICE=eth0\nHWADDR=52:54:00:12:34:56\n"),
    file("/etc/netplan/01.yaml", "network:\n  match:\n    macaddress: 52:54:00:12:34:56\n"),
    file("/etc/systemd/network/10.network", "[Match]\nMACAddress=52:54:00:12:34:56\n"),
  ],
  "network.persistent-names": [file("/etc/udev/rules.d/70-persistent-net.rules")],
  "network.generated": [
    file("/etc/netplan/50-cloud-init.yaml"),
    file("/etc/systemd/network/10-cloud-init-ens3.network"),
  ],
  "network.leases": [
    file("/var/lib/dhcp/dhclient.leases"),
    file("/var/lib/NetworkManager/internal-1.lease"),
  ],
  "network.build-host": [
    file("/etc/resolv.conf", "nameserver 10.0.2.3\n"),
    file("/etc/apt/apt.conf.d/01proxy", 'Acquire::http::Proxy "http://10.1.2.3:3128";\n'),
    file("/etc/environment", "LANG=C\nhttps_proxy=http://10.1.2.3:3128\n"),
    file("/etc/yum.conf", "[main]\nproxy=http://10.1.2.3:3128\n"),
  ],
  "network.hostname": [
    file("/etc/hostname", "packer-kragle\n"),
    file("/etc/hosts", "127.0.0.1 localhost\n10.0.2.15 somewhere\n"),
  ],
  "cloud-init.state": [
    file("/var/lib/cloud/instances/i-1/user-data.txt"),
    file("/var/log/cloud-init-output.log"),
  ],
  "cloud-init.enabled": [file("/etc/cloud/cloud-init.disabled", "")],
  "logs.journal": [file("/var/log/journal/0123/system.journal")],
  "logs.logins": [
    ...["/var/log/wtmp", "/var/log/btmp.1", "/var/log/wtmp.db", "/var/lib/lastlog/lastlog2.db"].map(
      (path) => file(path, "login"),
    ),
  ],
  "logs.files": [file("/var/log/dpkg.log", "installed"), file("/var/log/apt/history.log", "x")],
  "logs.history": [
    file("/root/.bash_history"),
    file("/home/a/.viminfo"),
    file("/srv/app/.bash_history"),
  ],
  "caches.packages": [
    file("/var/cache/apt/archives/bash.deb"),
    file("/var/lib/apt/lists/x_Packages"),
    file("/var/cache/dnf/a/b/c.rpm"),
    file("/var/lib/rpm/__db.001"),
  ],
  "caches.backups": [file("/etc/ssh/sshd_config~"), file("/root/notes~")],
  "caches.spool": [
    file("/var/mail/root", "From packer"),
    file("/var/spool/at/a0000101b2c3d4", "poweroff"),
    file("/var/spool/cron/atjobs/a0000101b2c3d4", "poweroff"),
  ],
  "caches.temporary": [file("/tmp/script.sh"), file("/var/tmp/a/b")],
  "caches.dumps": [
    file("/core.123"),
    file("/swapfile"),
    file("/var/lib/systemd/coredump/core.sshd.zst"),
  ],
  "storage.fstab": [
    file("/etc/fstab", "/dev/vda3 / ext4 defaults 0 1\n"),
    file("/etc/fstab", "# the root\nUUID=1234 / ext4 defaults 0 1\n"),
    file("/etc/fstab", 'LABEL="gone" / ext4 defaults 0 1\n'),
    file("/etc/fstab", "/dev/disk/by-label/gone / ext4 defaults 0 1\n"),
  ],
  "storage.growth": [without("/usr/bin/growpart")],
  "boot.kernels": [
    without("/boot/vmlinuz-6.1.0"),
    without("/boot/initrd.img-6.1.0"),
    without("/usr/lib/modules/6.1.0"),
  ],
  "boot.bios": [
    ({ facts }) => (facts.table!.bootCode = false),
    ({ facts }) => facts.table!.partitions.shift(),
  ],
  "boot.uefi": [without("/boot/efi/EFI/BOOT/BOOTX64.EFI")],
  "boot.serial-console": [
    file("/boot/grub/grub.cfg", "linux /boot/vmlinuz-6.1.0 console=tty0\n"),
    without("/boot/grub/grub.cfg"),
  ],
  "services.guest-agent": [without("/usr/sbin/qemu-ga")],
  "services.time": [without("/etc/systemd/system/sysinit.target.wants/systemd-timesyncd.service")],
  "services.timezone": [(image) => image.link("/etc/localtime", "/usr/share/zoneinfo/Europe/Rome")],
  "payload.os-release": [without("/usr/lib/os-release")],
  "payload.image-id": [
    file("/usr/lib/os-release", "ID=debian\n"),
    without("/usr/lib/os-release"),
    file("/usr/lib/os-release", OS_RELEASE.replace('"1.4"', '"1.3"')),
    file("/usr/lib/os-release", OS_RELEASE.replace("IMAGE_ID", "#IMAGE_ID")),
    file("/usr/lib/os-release", `${OS_RELEASE}BUILD_ID=another\n`),
    // an earlier one of EL7 is no link
    file("/etc/os-release", "ID=rhel\n"),
  ],
  "payload.packages": [
    file("/var/lib/dpkg/status", "Package: bash\nStatus: install ok half-configured\nVersion: 5\n"),
    file("/var/lib/dpkg/status", ""),
  ],
  "payload.secrets": [
    ({ facts }) =>
      facts.secrets!.hits.push({ secret: "rhsmPassword", form: "base64", where: "/etc/motd" }),
  ],
};
