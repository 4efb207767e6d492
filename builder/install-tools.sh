#!/bin/sh
# Installs the tools of the builder image. Runs once, in the Dockerfile's `packages` stage, with that stage's ARGs
# as its environment. Leaves /etc/kragle-tools.json, which says what was installed.
set -eu
export DEBIAN_FRONTEND=noninteractive

say() { echo "install-tools: $*" >&2; }

# --- packages -------------------------------------------------------------------------------------------------------

# The host's way to its mirror, for this stage only: lines of a sources.list, and text for apt.conf.
host_apt=/tmp/host-apt.conf
if [ -n "$APT_SOURCES_B64" ]; then
  printf %s "$APT_SOURCES_B64" | base64 -d >/tmp/host.list
  printf 'Dir::Etc::SourceList "/tmp/host.list";\nDir::Etc::SourceParts "/dev/null";\n' >>"$host_apt"
fi
if [ -n "$APT_CONF_B64" ]; then printf %s "$APT_CONF_B64" | base64 -d >>"$host_apt"; fi
# apt only warns where it could not fetch a list, and what is missing then is a riddle.
printf 'APT::Update::Error-Mode "any";\nAcquire::Retries "5";\n' >>"$host_apt"
# Debian's own image trusts no certificate yet. What apt fetches it verifies by signatures, as from the http that Debian uses by
# default; but a password is told to nobody unknown.
if [ -e /tmp/host.list ] && grep -q 'https://' /tmp/host.list && [ ! -e /etc/ssl/certs/ca-certificates.crt ]; then
  if grep -q 'https://[^/ ]*@' /tmp/host.list; then
    say "the host's package source is by https with a password, and the base image has no certificates to know its server by;" \
      "set baseImage to one that has the package ca-certificates"
    exit 1
  fi
  echo 'Acquire::https::Verify-Peer "false";' >>"$host_apt"
fi
if [ -e "$host_apt" ]; then export APT_CONFIG="$host_apt"; fi

# Documentation and translations of the tools are of no use in a container.
printf 'path-exclude=/usr/share/%s/*\n' doc info locale man >/etc/dpkg/dpkg.cfg.d/builder
# 36 MB that only xfs_scrub, a program for mounted file systems, would use.
echo 'path-exclude=/usr/lib/*/libicu*' >>/etc/dpkg/dpkg.cfg.d/builder

apt-get update
# what the pinned base is too old for
apt-get upgrade --yes
apt-get install --yes --no-install-recommends \
  ca-certificates debian-archive-keyring python3 openssl unzip curl nftables \
  qemu-system-x86 qemu-utils ovmf seabios \
  mmdebstrap e2fsprogs xfsprogs dosfstools mtools fdisk python3-rpm xorriso zstd bmap-tools openssh-client

if [ -n "${ANSIBLE-}" ]; then apt-get install --yes --no-install-recommends ansible; fi

# --- Packer ---------------------------------------------------------------------------------------------------------

# fetch NAME VERSION SHA256: downloads and unpacks one release. 1: not to be had; a wrong checksum ends the build.
fetch() {
  archive="/tmp/$1.zip"
  curl --fail --silent --show-error --location --connect-timeout 10 --max-time 600 --retry 2 \
    --output "$archive" "$PACKER_RELEASES/$1/$2/$1_$2_linux_amd64.zip" || return 1
  if ! echo "$3  $archive" | sha256sum --check --status; then
    say "$1 $2: the download's SHA-256 is $(sha256sum "$archive" | cut -d' ' -f1), expected $3; refusing to go on"
    exit 1
  fi
  mkdir -p "/tmp/$1"
  unzip -q "$archive" -d "/tmp/$1"
}

install_release() {
  if [ -z "$PACKER_SHA256" ] || [ -z "$PACKER_QEMU_SHA256" ]; then
    say "no checksum given for Packer's release (PACKER_SHA256, PACKER_QEMU_SHA256)"
    return 1
  fi
  fetch packer "$PACKER_VERSION" "$PACKER_SHA256" || return 1
  fetch packer-plugin-qemu "$PACKER_QEMU_VERSION" "$PACKER_QEMU_SHA256" || return 1
  install -m 755 /tmp/packer/packer /usr/local/bin/packer
  # the folder is named in the image's environment, so that any user and any HOME finds the plugin
  PACKER_PLUGIN_PATH=/usr/local/lib/packer HOME=/tmp packer plugins install \
    --path "$(find /tmp/packer-plugin-qemu -name 'packer-plugin-qemu_*' -type f)" github.com/hashicorp/qemu
}

case "$PACKER" in
  release) install_release || { say "Packer's release $PACKER_VERSION is not to be had from $PACKER_RELEASES"; exit 1; }; source=release ;;
  distribution) source=distribution ;;
  auto) if install_release; then source=release; else source=distribution; fi ;;
  *) say "PACKER is \"$PACKER\"; allowed: auto, release, distribution"; exit 1 ;;
esac
if [ "$source" = distribution ]; then apt-get install --yes --no-install-recommends packer; fi

# --- record and clean up --------------------------------------------------------------------------------------------

plugin=null # the distribution's Packer has it built in
if [ "$source" = release ]; then plugin="\"$PACKER_QEMU_VERSION\""; fi
version() { dpkg-query --show --showformat '${source:Upstream-Version}' "$1"; }
cat >/etc/kragle-tools.json <<JSON
{
  "packer": "$(packer version | sed -n 's/^Packer v//p')",
  "packerSource": "$source",
  "packerQemuPlugin": $plugin,
  "qemu": "$(qemu-system-x86_64 --version | sed -n 's/.*version \([0-9.]*\).*/\1/p')",
  "mmdebstrap": "$(version mmdebstrap)",
  "e2fsprogs": "$(version e2fsprogs)"
}
JSON
cat /etc/kragle-tools.json >&2

apt-get purge --yes --auto-remove unzip curl
unset APT_CONFIG
apt-get clean
rm -rf /tmp/host* /tmp/packer* /var/lib/apt/lists/* /var/log/*.log /var/log/apt \
  /var/cache/debconf/*-old /usr/share/doc/* /usr/share/info/* /usr/share/locale/* /usr/share/man/*
