#!/bin/sh
# Installs packages by the system's own package manager:
#
#   packages.sh NAME[=VERSION]…
#
# All of them in one transaction; a version that is asked for is installed even where a newer one is there.
set -eu

if command -v apt-get >/dev/null; then
  export DEBIAN_FRONTEND=noninteractive
  apt-get update
  install() { apt-get install --yes --allow-downgrades -o Dpkg::Options::=--force-confdef -o Dpkg::Options::=--force-confold "$@"; }
  install "$@" && exit
  # Where something is still to be fetched, what was fetched is not what it has to be. The cache of packages gives a file once: now it
  # comes from the mirror.
  if [ -n "${KRAGLE_PACKAGES-}" ] && install --quiet=2 --print-uris "$@" 2>/dev/null | grep -q "^'"; then
    echo "once more, with what is lacking from the mirror"
    install "$@" && exit
  fi
  exit 100 # as apt-get ends
fi

# for this program only: what else is on the system keeps its own way
[ -z "${KRAGLE_PACKAGES-}" ] || export http_proxy="$KRAGLE_PACKAGES"

for manager in dnf yum; do
  command -v "$manager" >/dev/null || continue
  for package; do
    shift
    set -- "$@" "$(echo "$package" | sed 's/=/-/')"
  done
  "$manager" -y install "$@"
  # yum goes on where it knows some of the names only
  missing=
  for package; do
    rpm --quiet -q "$package" || rpm --quiet -q --whatprovides "$package" || missing="$missing $package"
  done
  [ -n "$missing" ] || exit 0
  echo "$manager did not install:$missing"
  exit 1
done
echo "the guest has no package manager that is known: apt-get, dnf, yum"
exit 1
