#!/bin/sh
# The last provisioning script: takes away what must not be the same on two machines made from the image, and every
# trace of the build. Works on Debian and on the Red Hat family. Nothing that runs after it writes to the disk.
#
# Covers what virt-sysprep(1) does by default, as far as a running system can, and what systemd's "Building Images
# Safely" asks for. On purpose it differs from virt-sysprep in two points: crontabs, and keys in authorized_keys that are
# not the build's, stay, since only a provisioning script can have put them there (the check stage reports such keys).
set -eu

exists() { command -v "$1" >/dev/null 2>&1; }

# Services that would write again while the machine shuts down.
systemctl stop '*.timer' || true
for unit in apt-daily.service apt-daily-upgrade.service syslog.socket rsyslog.service tuned.service crond.service \
  systemd-random-seed.service systemd-update-utmp.service; do
  systemctl stop "$unit" 2>/dev/null || true
done
if pkill -x auditd 2>/dev/null; then # its unit refuses to be stopped; it writes a last record
  for _ in 1 2 3 4 5; do if pgrep -x auditd >/dev/null; then sleep 1; fi; done
fi
journalctl --relinquish-var 2>/dev/null || true # from here on the journal is in memory

# Identity. An empty machine-id: systemd makes one at the first boot, in every version since RHEL 7's. "uninitialized"
# would also make that boot a "first boot" in systemd's sense, which enables and disables units by preset, against what
# provisioning scripts chose, and may ask questions on the console.
: >/etc/machine-id
[ -L /var/lib/dbus/machine-id ] || rm -f /var/lib/dbus/machine-id
rm -f /etc/ssh/ssh_host_* /etc/dropbear/dropbear_*_host_key
rm -f /var/lib/systemd/random-seed /var/lib/systemd/credential.secret /var/lib/urandom/random-seed
rm -f /boot/efi/loader/random-seed /boot/loader/random-seed /efi/loader/random-seed
rm -f /etc/hostid /var/lib/yum/uuid /etc/yum/vars/uuid /etc/dnf/vars/uuid /etc/insights-client/machine-id
rm -f /etc/sysconfig/hw-uuid /etc/smolt/uuid /etc/smolt/hw-uuid /etc/lvm/devices/system.devices
rm -f /etc/blkid.tab /etc/blkid/blkid.tab* /var/lib/blkid/*

# Membership of a domain, and certificates of configuration agents.
rm -f /etc/krb5.keytab /var/lib/samba/*.tdb /var/lib/samba/*/*.tdb /var/lib/sss/db/*
rm -rf /var/lib/ipa-client/pki/* /var/lib/ipa-client/sysrestore/*
rm -rf /var/lib/puppet/ssl /etc/puppet/ssl /etc/puppetlabs/puppet/ssl /etc/salt/pki/minion

# Subscription. A script has unregistered the system where it was registered; this takes away what is stored.
if exists subscription-manager; then subscription-manager clean >/dev/null 2>&1 || true; fi
rm -rf /etc/pki/consumer/* /etc/pki/entitlement/* /etc/rhsm/facts/* /var/lib/rhsm/* /var/log/rhsm/*
rm -f /etc/sysconfig/rhn/systemid /etc/sysconfig/rhn/osad-auth.conf

# Network: leases, and what is bound to the build's network card.
rm -f /etc/udev/rules.d/70-persistent-net.rules /etc/udev/rules.d/75-persistent-net-generator.rules
rm -f /etc/systemd/network/10-cloud-init-* /etc/netplan/50-cloud-init.yaml /etc/network/interfaces.d/50-cloud-init*
rm -f /etc/NetworkManager/system-connections/cloud-init-*
rm -rf /var/lib/dhcp/* /var/lib/dhclient/* /var/lib/dhcpcd/* /var/lib/dhcpd/*lease* /var/lib/NetworkManager/*
rm -rf /var/lib/systemd/network/*
for file in /etc/sysconfig/network-scripts/ifcfg-*; do
  [ ! -f "$file" ] || sed -i '/^\(HWADDR\|UUID\|HOSTNAME\|DHCP_HOSTNAME\)=/d' "$file"
done
for file in /etc/NetworkManager/system-connections/*.nmconnection; do
  [ ! -f "$file" ] || sed -i '/^\(uuid\|mac-address\|timestamp\)=/d' "$file" # NetworkManager derives a UUID from the name
done
[ -L /etc/resolv.conf ] || : >/etc/resolv.conf

# cloud-init: as if it had never run.
rm -rf /var/lib/cloud/*

# Accounts: the build's key and user, backups that may hold old passwords, history.
keys=/root/.ssh/authorized_keys
[ ! -f "$keys" ] || sed -i '/ kragle-build$/d' "$keys"
[ -s "$keys" ] || rm -f "$keys"
rmdir /root/.ssh 2>/dev/null || true
for user in packer kragle; do
  if ! id "$user" >/dev/null 2>&1; then continue; fi
  userdel --force --remove "$user" # even while it is logged in
  rm -f "/etc/sudoers.d/$user" "/etc/sudoers.d/"*"-$user"
done
for name in passwd shadow group gshadow subuid subgid; do
  rm -f "/etc/$name-" "/etc/$name~" "/etc/$name.bak" "/etc/$name.old" "/etc/$name.orig" "/var/backups/$name.bak"
done
for home in /root /home/*; do
  rm -rf "$home"/.*_history "$home"/.zhistory "$home"/.histfile "$home"/.viminfo "$home"/.lesshst "$home"/.wget-hsts
  rm -rf "$home"/.cache "$home"/.ansible "$home"/.ssh/known_hosts*
done
find /etc /root /home /srv -xdev -type f \( -name '*~' -o -name '*.bak' \) -delete 2>/dev/null || true

# Packages: caches and lists.
if exists apt-get; then
  apt-get clean
  rm -rf /var/lib/apt/lists/* /var/lib/apt/periodic/* /var/cache/apt/*.bin /var/cache/debconf/*-old /var/lib/dpkg/*-old
  rm -rf /var/backups/apt.extended_states* /var/backups/dpkg.* /var/backups/alternatives.tar*
fi
rm -rf /var/cache/yum/* /var/cache/dnf/* /var/lib/rpm/__db.*

# The installer's answers, logs, and what else the running system left.
rm -f /root/anaconda-ks.cfg /root/original-ks.cfg /root/initial-setup-ks.cfg /root/install.log* /root/preseed.cfg /preseed.cfg
rm -rf /var/log/journal/* /var/log/installer /var/log/anaconda /var/log/cloud-init*.log /var/crash/* /var/spool/abrt/*
find /var/log -xdev -type f \( -name '*.gz' -o -name '*.xz' -o -name '*.old' -o -name '*.[0-9]' \
  -o -name '*-[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]' \) -delete
find /var/log -xdev -type f -exec truncate --size 0 {} +
# The sessions that end after this script would be recorded in these; a file that is gone is not written, and comes back at boot.
rm -f /var/log/wtmp /var/log/btmp /var/log/lastlog /var/log/tallylog /var/log/faillog /var/account/pacct
rm -rf /var/lib/systemd/coredump/* /var/lib/systemd/timers/* /var/lib/systemd/pstore/* /var/lib/logrotate/*
rm -rf /var/spool/mail/* /var/mail/* /var/spool/at/[a-z]* /var/spool/cron/atjobs/[a-z]* /var/lib/dovecot/*
rm -f /etc/.pwd.lock
find /tmp /var/tmp -xdev -mindepth 1 ! -path "$0" -delete

# Blocks of deleted files are given back to the disk, so that neither their room nor their content is in the image. The
# kernel of Enterprise Linux 7 cannot on a virtio disk: there zeros are written, which QEMU gives back (detect-zeroes).
sync
for folder in / /boot /boot/efi; do
  if mountpoint --quiet "$folder" && ! fstrim "$folder" 2>/dev/null; then
    dd if=/dev/zero of="$folder/.zeros" bs=1M 2>/dev/null || true # until the file system is full
    sync
    rm -f "$folder/.zeros"
  fi
done
sync
