#!/bin/sh
# Unpacks files that the guest sees on a disk of their own:
#
#   files.sh OFFSET OWNER [OFFSET OWNER…]
#
# Each pair is a tar archive that begins so many MiB into the disk with the serial number kragle-files, and whose files that account
# (user, or user:group) gets. Folders that are to be there stand after the last line of this file: mode, owner, path.
set -eu

disk=
for device in /sys/block/*; do
  if [ "$(cat "$device/serial" 2>/dev/null)" = kragle-files ]; then disk=/dev/${device##*/}; fi
done
if [ -z "$disk" ]; then
  echo "the guest does not see the disk on which the files are"
  exit 1
fi

# "user" alone stands for its own group, too
account() {
  user=${1%%:*} group=${1#*:}
  case "$user" in *[!0-9]*) id -u "$user" >/dev/null 2>&1 || missing "user" "$user" ;; esac
  case "$1" in
    *:*) case "$group" in *[!0-9]*) getent group "$group" >/dev/null || missing "group" "$group" ;; esac ;;
  esac
  case "$1" in *:*) echo "$1" ;; *) if id -u "$user" >/dev/null 2>&1; then echo "$user:"; else echo "$user"; fi ;; esac
}

missing() {
  echo "the guest has no $1 \"$2\"; an earlier step has to make it" >&2
  exit 1
}

label() { if command -v restorecon >/dev/null && [ -d /sys/fs/selinux ]; then restorecon "$@" 2>/dev/null || true; fi; }

sed '1,/^exit$/d' "$0" | while read -r mode owner folder; do
  if [ -d "$folder" ]; then continue; fi
  who=$(account "$owner")
  mkdir -m "$mode" "$folder"
  chown "$who" "$folder"
  label "$folder"
done

list=$(mktemp /run/kragle-files.XXXXXX)
follow= # since tar 1.27: a folder that is a link in the guest stays one
if tar --keep-directory-symlink --version >/dev/null 2>&1; then follow=--keep-directory-symlink; fi
while [ $# -gt 0 ]; do
  who=$(account "$2")
  {
    dd bs=1M skip="$1" count=0 2>/dev/null # moves to where the archive begins
    # shellcheck disable=SC2086 # one word or none
    tar --extract --verbose --file - --blocking-factor 2048 --directory / $follow \
      --same-permissions --no-same-owner --touch --quoting-style literal >"$list"
  } <"$disk"
  if [ -s "$list" ]; then
    sed 's|^|/|' "$list" | tr '\n' '\0' >"$list.paths"
    # set-user-ID and set-group-ID, which the kernel takes from a file whose owner changes
    # shellcheck disable=SC2016 # the inner shell's
    xargs -0 sh -c 'find "$@" -maxdepth 0 -type f -perm /6000 -printf "%m\0%p\0"' sh <"$list.paths" >"$list.modes"
    xargs -0 chown -h "$who" -- <"$list.paths"
    xargs -0r -n 2 chmod <"$list.modes"
    if [ -d /sys/fs/selinux ] && command -v restorecon >/dev/null; then
      xargs -0 restorecon <"$list.paths" 2>/dev/null || true
    fi
  fi
  shift 2
done
rm -f "$list" "$list.paths" "$list.modes"
exit
