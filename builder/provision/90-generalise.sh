#!/bin/sh
# The last provisioning script: takes away what must not be the same on two machines made from the image, and every
# trace of the build. Works on Debian and on the Red Hat family. Nothing that runs after it writes to the disk.
set -eu

exists() { command -v "$1" >/dev/null 2>&1; }

# Services that would write again while the machine shuts down.
systemctl stop '*.timer' || true
for unit in apt-daily apt-daily-upgrade rsyslog systemd-random-seed systemd-update-utmp; do
  systemctl stop "$unit.service" 2>/dev/null || true
done
journalctl --relinquish-var 2>/dev/null || true # from here on the journal is in memory

# identity
: >/etc/machine-id # empty: systemd makes one at the first boot
[ -L /var/lib/dbus/machine-id ] || rm -f /var/lib/dbus/machine-id
rm -f /etc/ssh/ssh_host_*
rm -f /var/lib/systemd/random-seed /var/lib/systemd/credential.secret /boot/efi/loader/random-seed
rm -f /etc/hostid /var/lib/yum/uuid

# network: leases and what is bound to the build's network card
rm -f /etc/udev/rules.d/70-persistent-net.rules
rm -f /etc/systemd/network/10-cloud-init-* /etc/netplan/50-cloud-init.yaml /etc/network/interfaces.d/50-cloud-init
rm -rf /var/lib/dhcp/* /var/lib/dhclient/* /var/lib/NetworkManager/* /var/lib/systemd/network/*
for file in /etc/sysconfig/network-scripts/ifcfg-*; do
  [ ! -f "$file" ] || sed -i '/^\(HWADDR\|UUID\|HOSTNAME\|DHCP_HOSTNAME\)=/d' "$file"
done
[ -L /etc/resolv.conf ] || : >/etc/resolv.conf

# cloud-init: as if it had never run
rm -rf /var/lib/cloud/*

# accounts: the build's key (keys that a script put there stay), backups that may hold old passwords, history
keys=/root/.ssh/authorized_keys
[ ! -f "$keys" ] || sed -i '/ kragle-build$/d' "$keys"
[ -s "$keys" ] || rm -f "$keys"
rmdir /root/.ssh 2>/dev/null || true
rm -f /etc/passwd- /etc/shadow- /etc/group- /etc/gshadow- /etc/subuid- /etc/subgid-
for home in /root /home/*; do
  rm -rf "$home"/.*_history "$home"/.viminfo "$home"/.lesshst "$home"/.cache "$home"/.ssh/known_hosts*
done

# packages: caches and lists
if exists apt-get; then
  apt-get clean
  rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /var/cache/debconf/*-old /var/lib/dpkg/*-old
fi
rm -rf /var/cache/yum/* /var/cache/dnf/* /var/lib/rpm/__db.*

# logs and what else the running system left
rm -rf /var/log/journal/* /var/log/installer /var/log/anaconda /var/log/cloud-init*.log /var/crash/*
rm -f /root/anaconda-ks.cfg /root/original-ks.cfg /root/initial-setup-ks.cfg /root/install.log*
find /var/log -xdev -type f \( -name '*.gz' -o -name '*.xz' -o -name '*.old' -o -name '*.[0-9]' \) -delete
find /var/log -xdev -type f -exec truncate --size 0 {} +
# the sessions that end after this script would be recorded in these; a file that is gone is not written, and comes back at boot
rm -f /var/log/wtmp /var/log/btmp /var/log/lastlog
rm -rf /var/lib/systemd/coredump/* /var/lib/systemd/timers/* /var/lib/logrotate/* /var/spool/mail/* /var/mail/*
rm -f /etc/blkid.tab /var/lib/blkid/* /etc/.pwd.lock
find /tmp /var/tmp -xdev -mindepth 1 ! -path "$0" -delete

# Blocks of deleted files are given back to the disk, so that neither their room nor their content is in the image.
sync
for folder in / /boot /boot/efi; do
  if mountpoint --quiet "$folder"; then fstrim "$folder" || true; fi
done
