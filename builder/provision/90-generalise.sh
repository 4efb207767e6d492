#!/bin/sh
# The last provisioning script: takes away what must not be the same on two machines made from the image, and every
# trace of the build. Works on Debian and on the Red Hat family. Nothing that runs after it writes to the disk.
#
# Covers what virt-sysprep(1) does by default, as far as a running system can, and what systemd's "Building Images
# Safely" asks for. It differs in one thing: what a provisioning script put there is the image's own and stays, be it a
# crontab, a key, a cache, a backup or a connection. Where an image must not have such a thing, the check stage says so by name.
#
#   identity   of a machine, a member of a domain, a subscriber: goes, whoever put it there
#   private    histories, mail, /tmp, old accounts: goes, too
#   trace      logs, leases, caches, which come back by themselves: goes
#   installed  what may be either: goes where it is as it was before the first script
#
# A path that a script has written into the file KRAGLE_KEEP stays. Whatever goes is told in a line, separated by tabs:
# removed, what was done, why, the path, and the script in whose time it had changed last, or -. What the build of another image
# comes in by, when that is made on this one, is told in the same way: way in, and a line of sshd's settings.
set -eu

exists() { command -v "$1" >/dev/null 2>&1; }

build=/run/kragle # see guest.sh
: "${own:=$(mktemp -d /run/kragle-generalise.XXXXXX)}"
root=$own/root
export own LC_ALL=C

# tell WHAT WHY: one line for each "seconds path", ended by NUL, on stdin
tell() {
  tr '\000-\037' '\n?????????????????????????????????' | awk -F '\t' -v what="$1" -v why="$2" -v root="$root" -v steps="$build/steps" '
    BEGIN { while ((getline <steps) > 0) { n++; start[n] = $1 + 0; name[n] = $2 } } # the last of them is this script
    {
      blank = index($0, " "); changed = int(substr($0, 1, blank - 1)); step = "-" # not nothing: Packer cuts blanks off the end of a line
      for (i = 1; i < n; i++) if (changed >= start[i] && changed < start[n]) step = name[i]
      path = substr($0, blank + 1)
      if (index(path, root "/") == 1) path = substr(path, length(root) + 1)
      print "removed\t" what "\t" why "\t" path "\t" step
    }'
}

# note WHAT WHY PATH…: tells it of those paths
note() {
  what=$1 why=$2
  shift 2
  stat --printf '%Z %n\0' -- "$@" | tell "$what" "$why"
}

# a folder may stand there with a slash behind it
kept() { [ -s "$build/keep" ] && grep -qxF -e "${1#"$root"}" -e "${1#"$root"}/" "$build/keep"; }

# remove WHY PATH…: takes away those that are there
remove() {
  why=$1
  shift
  for path; do
    shift
    if { [ -e "$path" ] || [ -L "$path" ]; } && ! kept "$path"; then set -- "$@" "$path"; fi
  done
  [ $# -gt 0 ] || return 0
  note deleted "$why" "$@"
  rm -rf -- "$@" 2>>"$own/failed" || stuck "$@"
}

# stuck PATH…: notes who made what of it could not be taken away
stuck() {
  for path; do
    if [ ! -s "$path" ] && [ ! -d "$path" ] && [ ! -L "$path" ]; then continue; fi
    note stuck - "$path" | awk -F '\t' '{ print $4 ($5 == "-" ? "" : " was last changed by " $5) }' >>"$own/failed"
  done
}

identity() { remove identity "$@"; }
private() { remove private "$@"; }
trace() { remove trace "$@"; }

installed() {
  for path; do
    if is_as_installed "$path"; then remove installed "$path"; fi
  done
}

# Whether it is there, and nothing of it has changed since the first script began. Where a script set the clock back, nobody knows.
is_as_installed() {
  [ -e "$1" ] && [ ! -e "$build/set-back" ] && { [ ! -e "$build/started" ] || ! find "$1" -cnewer "$build/started" | grep -q .; }
}

# empty WHY PATH…: leaves those files without content that have some
empty() {
  why=$1
  shift
  for path; do
    shift
    if [ -s "$path" ] && ! kept "$path"; then set -- "$@" "$path"; fi
  done
  [ $# -gt 0 ] || return 0
  note emptied "$why" "$@"
  truncate --size 0 -- "$@" 2>>"$own/failed" || stuck "$@"
}

# take_out PATTERN PATH…: deletes such lines, in capitals or not
take_out() {
  pattern=$1
  shift
  for path; do
    if [ ! -f "$path" ] || ! grep -qi "$pattern" "$path" || kept "$path"; then continue; fi
    note edited trace "$path"
    sed -i "/$pattern/Id" "$path" 2>>"$own/failed" || stuck "$path"
  done
}

# each ACTION WHY, and what find takes: does it to what is found. The files go to this script once more, so that no name is too odd.
each() {
  action=$1 why=$2
  shift 2
  find "$@" -exec sh "$0" "$action" "$why" {} + 2>/dev/null || true
}
case "${1-}" in remove | empty) "$@" && exit ;; esac

# By what root comes in when sshd has started anew, see plan/wayIn.ts. Asked while there are host keys, without which sshd says nothing.
tell_way_in() {
  listening='' # in the place of sshd
  for unit in ssh.socket sshd.socket; do
    if [ "$(systemctl is-enabled "$unit" 2>/dev/null)" = enabled ]; then listening=$unit; fi
  done
  came=${SSH_CONNECTION-}
  printf '%s\n' "came-by ${came##* }" "groups-of-root $(id -Gn root)" "socket $listening"
  "$(command -v sshd || echo /usr/sbin/sshd)" -T -C user=root,host=build,addr=192.0.2.1 2>/dev/null ||:
}
asked='permitrootlogin|pubkeyauthentication|authenticationmethods|authorizedkeysfile|listenaddress|(allow|deny)(users|groups)'
if [ -n "${KRAGLE_IMAGE_ID-}" ]; then # by hand nothing is made on it
  tell_way_in | sed -nE "s/^($asked|came-by|groups-of-root|socket) ./way in\t&/p"
fi

# Services that would write again while the machine shuts down.
systemctl stop '*.timer' || true
for unit in apt-daily.service apt-daily-upgrade.service syslog.socket rsyslog.service tuned.service crond.service \
  systemd-random-seed.service systemd-update-utmp.service wtmpdb-update-boot.service; do
  systemctl stop "$unit" 2>/dev/null || true
done
if pkill -x auditd 2>/dev/null; then # its unit refuses to be stopped; it writes a last record
  for _ in 1 2 3 4 5; do if pgrep -x auditd >/dev/null; then sleep 1; fi; done
fi
journalctl --relinquish-var 2>/dev/null || true # from here on the journal is in memory

# Identity. An empty machine-id: systemd makes one at the first boot, in every version since RHEL 7's. "uninitialized"
# would also make that boot a "first boot" in systemd's sense, which enables and disables units by preset, against what
# provisioning scripts chose, and may ask questions on the console.
if [ -e /etc/machine-id ]; then empty identity /etc/machine-id; else : >/etc/machine-id; fi
[ -L /var/lib/dbus/machine-id ] || identity /var/lib/dbus/machine-id
identity /etc/ssh/ssh_host_* /etc/dropbear/dropbear_*_host_key
identity /var/lib/systemd/random-seed /var/lib/systemd/credential.secret /var/lib/urandom/random-seed
identity /boot/efi/loader/random-seed /boot/loader/random-seed /efi/loader/random-seed
identity /etc/hostid /var/lib/yum/uuid /etc/yum/vars/uuid /etc/dnf/vars/uuid /etc/insights-client/machine-id
identity /etc/sysconfig/hw-uuid /etc/smolt/uuid /etc/smolt/hw-uuid /etc/lvm/devices/system.devices
identity /etc/blkid.tab /etc/blkid/blkid.tab* /var/lib/blkid/*

# Membership of a domain, and certificates of configuration agents.
identity /etc/krb5.keytab /var/lib/samba/*.tdb /var/lib/samba/*/*.tdb /var/lib/sss/db/*
identity /var/lib/ipa-client/pki/* /var/lib/ipa-client/sysrestore/*
identity /var/lib/puppet/ssl /etc/puppet/ssl /etc/puppetlabs/puppet/ssl /etc/salt/pki/minion

# Subscription. A script has unregistered the system where it was registered; this takes away what is stored.
if exists subscription-manager; then subscription-manager clean >/dev/null 2>&1 || true; fi
identity /etc/pki/consumer/* /etc/pki/entitlement/* /var/lib/rhsm/* /var/log/rhsm/*
identity /etc/sysconfig/rhn/systemid /etc/sysconfig/rhn/osad-auth.conf
installed /etc/rhsm/facts/*

# Network: leases, and what is bound to the build's network card. The resolver is that of QEMU's user-mode network.
for address in /sys/class/net/*/address; do
  read -r hardware <"$address" || continue
  case "$hardware" in 00:00:00:00:00:00 | '') continue ;; esac
  take_out "$hardware" /etc/udev/rules.d/70-persistent-net.rules /etc/sysconfig/network-scripts/ifcfg-* \
    /etc/NetworkManager/system-connections/*.nmconnection
done
installed /etc/udev/rules.d/70-persistent-net.rules /etc/udev/rules.d/75-persistent-net-generator.rules
identity /etc/systemd/network/10-cloud-init-* /etc/netplan/50-cloud-init.yaml /etc/network/interfaces.d/50-cloud-init*
identity /etc/NetworkManager/system-connections/cloud-init-*
for file in /etc/sysconfig/network-scripts/ifcfg-*; do # its own comment tells that cloud-init has made it, for this machine
  if grep -qs '^# Created by cloud-init' "$file"; then identity "$file"; fi
done
trace /var/lib/dhcp/* /var/lib/dhclient/* /var/lib/dhcpcd/* /var/lib/dhcpd/*lease* /var/lib/NetworkManager/*
trace /var/lib/systemd/network/*
for file in /etc/sysconfig/network-scripts/ifcfg-* /etc/NetworkManager/system-connections/*.nmconnection; do
  # of a connection without a UUID, NetworkManager derives one from the name
  pattern='^\(HWADDR\|UUID\|HOSTNAME\|DHCP_HOSTNAME\|mac-address\|timestamp\)='
  if is_as_installed "$file"; then take_out "$pattern" "$file"; fi
done
[ -L /etc/resolv.conf ] || take_out '^[[:blank:]]*nameserver[[:blank:]]\+10\.0\.2\.3' /etc/resolv.conf

# cloud-init: as if it had never run. Scripts for each boot, and a seed, can only have been put there.
trace /var/lib/cloud/instance /var/lib/cloud/instances /var/lib/cloud/data /var/lib/cloud/sem
installed /var/lib/cloud/seed

# Accounts: the build's key, the user that an installation may have made for it, backups that may hold old passwords, history.
take_out ' kragle-build$' /root/.ssh/authorized_keys
[ -s /root/.ssh/authorized_keys ] || rm -f /root/.ssh/authorized_keys
rmdir /root/.ssh 2>/dev/null || true
for user in packer kragle; do
  if ! grep -qx "$user" "$build/users" 2>/dev/null || ! id "$user" >/dev/null 2>&1; then continue; fi
  identity "/etc/sudoers.d/$user" "/etc/sudoers.d/"*"-$user"
  printf '%s account %s\0' "$(date +%s)" "$user" | tell deleted identity
  userdel --force --remove "$user" # even while it is logged in
done
for name in passwd shadow group gshadow subuid subgid; do
  trace "/etc/$name-"
  private "/etc/$name~" "/etc/$name.bak" "/etc/$name.old" "/etc/$name.orig" "/var/backups/$name.bak"
done
for home in /root /home/*; do
  private "$home"/.*_history "$home"/.zhistory "$home"/.histfile "$home"/.viminfo "$home"/.lesshst "$home"/.wget-hsts
  trace "$home"/.ansible/tmp "$home"/.cache/motd.legal-displayed
done

# Packages: caches and lists.
if exists apt-get; then
  trace /var/cache/apt/archives/*.deb /var/cache/apt/archives/partial/* /var/cache/apt/*.bin
  trace /var/lib/apt/lists/* /var/lib/apt/periodic/* /var/cache/debconf/*-old /var/lib/dpkg/*-old
  trace /var/backups/apt.extended_states* /var/backups/dpkg.* /var/backups/alternatives.tar*
fi
trace /var/cache/yum/* /var/cache/dnf/* /var/lib/rpm/__db.*

# Logs. Whatever runs may write another line when it is stopped, and to stop all of it beforehand would end the build's own way in. So
# from here on /var/log is in memory: the same folders, and the files without content, by owner, mode and context. systemd takes that away
# when the services have ended. "$logs" is the disk's. What somebody has open there would still be written to: another file takes its
# place, and the open one goes with whoever has it.
logs=$root/var/log
mkdir -p "$logs" "$own/memory"
if mount --bind /var/log "$logs" 2>/dev/null; then
  mount --make-private "$logs" # or it would get the next one, too
  mount -t tmpfs logs "$own/memory"
  cp -a --one-file-system --attributes-only /var/log/. "$own/memory" 2>/dev/null || true # it has no ACLs
  mount --bind "$own/memory" /var/log
  umount "$own/memory"
else
  logs=/var/log
fi
trace "$logs/journal/"* "$logs/installer" "$logs/anaconda" "$logs/"cloud-init*.log
each remove trace "$logs" -xdev -type f \( -name '*.gz' -o -name '*.xz' -o -name '*.old' -o -name '*.[0-9]' \
  -o -name '*-[0-9][0-9][0-9][0-9][0-9][0-9][0-9][0-9]' \)
# The sessions that end after this script would be recorded in these; a file that is gone is not written, and comes back at boot.
trace "$logs/wtmp" "$logs/btmp" "$logs/lastlog" "$logs/tallylog" "$logs/faillog" /var/account/pacct
trace "$logs/"wtmp.db* /var/lib/lastlog/lastlog2.db* # those of Debian 13 and newer, with what SQLite lays beside them
each empty trace "$logs" -xdev -type f
find -L /proc/[0-9]*/fd -type f -printf '%D:%i\n' >"$own/open" 2>/dev/null || true # some end meanwhile
find "$logs" -xdev -type f -printf '%D:%i/%p\n' | awk -F / -v list="$own/open" '
  BEGIN { while ((getline <list) > 0) held[$0] }
  $1 in held { print substr($0, length($1) + 2) }' >"$own/held"
while IFS= read -r path; do
  if kept "$path"; then continue; fi
  cp -a --attributes-only "$path" "$path.kragle" && mv -f "$path.kragle" "$path"
done <"$own/held"
[ "$logs" = /var/log ] || umount "$logs"

# The installer's answers, and what else the running system left.
trace /root/anaconda-ks.cfg /root/original-ks.cfg /root/initial-setup-ks.cfg /root/install.log* /root/preseed.cfg /preseed.cfg
trace /var/crash/* /var/spool/abrt/*
trace /var/lib/systemd/coredump/* /var/lib/systemd/timers/* /var/lib/systemd/pstore/* /var/lib/logrotate/*
private /var/spool/mail/* /var/mail/*
installed /var/spool/at/[a-z]* /var/spool/cron/atjobs/[a-z]* /var/lib/dovecot/*
trace /etc/.pwd.lock
# Also what lies below a file system that a script has mounted there; "$root" shows the disk without any.
mkdir -p "$root"
if mount --bind / "$root" 2>/dev/null; then
  each remove private "$root/tmp" "$root/var/tmp" -mindepth 1 -maxdepth 1 ! -path "$root$0"
  umount "$root"
fi
each remove private /tmp /var/tmp -mindepth 1 -maxdepth 1 ! -path "$0"

# What the image is called, by which a machine leads back to its release: os-release(5). In whichever file it is, through links, and
# that file stays, with its mode and its SELinux context. What a script has put there gives way.
for file in /usr/lib/os-release /etc/os-release; do
  file=$(readlink -e "$file") || continue
  if [ -z "${KRAGLE_IMAGE_ID-}" ]; then break; fi # by hand there is no release
  others=$(grep -Ev '^[[:blank:]]*(IMAGE_ID|IMAGE_VERSION|BUILD_ID)=' "$file" || true)
  printf '%s\nIMAGE_ID="%s"\nIMAGE_VERSION="%s"\nBUILD_ID="%s"\n' \
    "$others" "$KRAGLE_IMAGE_ID" "$KRAGLE_IMAGE_VERSION" "$KRAGLE_BUILD_ID" >"$file"
done

if [ -s "$own/failed" ]; then
  cat "$own/failed"
  echo "these could not be taken away; if the image is to have them, a script writes their paths into the file \$KRAGLE_KEEP"
  exit 1
fi
rm -rf "$(readlink -f "$build")" "$build" 2>/dev/null || true # a mount point goes with the guest

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
