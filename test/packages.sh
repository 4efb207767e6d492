#!/bin/sh
# Installs programs of others that tests use: those that are named, else all that the whole tier needs, which read our results
# or boot them. Without them, or without the right to install them, the checks and tests concerned say that they were skipped.
#   test/packages.sh [PROGRAM:PACKAGE…]
set -eu

all="shellcheck:shellcheck 7z:p7zip-full parted:parted bmaptool:bmap-tools chromium:chromium libvirtd:libvirt-daemon-system
  virsh:libvirt-clients qemu-system-x86_64:qemu-system-x86"
PATH=$PATH:/usr/sbin:/sbin
lacking=
wanted=${*:-$all}
for pair in $wanted; do
  command -v "${pair%%:*}" >/dev/null || lacking="$lacking ${pair#*:}"
done
[ -n "$lacking" ] || exit 0
if [ "$(id -u)" != 0 ] || ! command -v apt-get >/dev/null; then
  echo "tests: not installed, so some of them will be skipped:$lacking"
  exit 0
fi
echo "» install for the tests:$lacking"
export DEBIAN_FRONTEND=noninteractive
# services that these packages bring are not started: a test starts what it needs and ends it
policy=/usr/sbin/policy-rc.d
if [ ! -e $policy ]; then
  printf '#!/bin/sh\nexit 101\n' >$policy
  chmod 755 $policy
  trap 'rm -f $policy' EXIT
fi
# shellcheck disable=SC2086
apt-get -qq update && apt-get -qq install --yes --no-install-recommends $lacking >/dev/null ||
  echo 'tests: not all of them could be installed; some will be skipped'
