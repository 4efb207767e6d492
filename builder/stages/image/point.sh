#!/bin/sh
# Lets the host take a point, the disk after a step, while the guest runs and its file systems are quiet.
#
#   sh point.sh take NUMBER MARK   after the step of that number; where none can be taken, the build goes on without
#   sh point.sh back               in a guest that goes on from a point: puts back what was put aside for it
#
# The host is asked on the second serial line, see points.py. It is told by MARK as in guest.sh. What belongs to one run only is not in
# the point: the key by which Packer logs in, of which the next run brings its own, and the seed of random numbers.
set -u

HERE=/run/kragle
KEPT=/var/lib/kragle # has the notes where the folder itself goes with the guest, see `resume` of guest.sh
LINE=/dev/ttyS1
ANSWER_SECONDS=60
KEYS=/root/.ssh/authorized_keys
OWN_KEY=' kragle-build$' # see stages/image/buildKey.ts
# The note that the seed's key is where it belongs, without which it is put there again: cloud-init's, or kragle-firstboot's.
SEEDED=/var/lib/cloud/data/instance-id
[ ! -e /usr/bin/cloud-init ] || SEEDED=/var/lib/cloud/instance/sem/config_ssh

take() {
  number=$1 mark=$2
  stty -F "$LINE" raw -echo 2>/dev/null || { echo "$mark!no point: the guest has no $LINE" && return 0; }
  exec 4<>"$LINE"
  own=$(grep "$OWN_KEY" "$KEYS" 2>/dev/null)
  put_aside
  [ -L "$HERE" ] || cp -a "$HERE" "$KEPT"
  # the deepest first
  mounts=$(awk '$1 ~ "^/dev/" && $4 ~ "^rw(,|$)" { text = $2 "\n" text } END { printf "%s", text }' /proc/mounts)
  sync
  trap thaw EXIT
  trap 'exit 1' HUP INT TERM
  frozen='' still=''
  # nothing may be written from here to `thaw`: who writes waits. FAT cannot be frozen; it counts as clean where it is read-only.
  for mount in $mounts; do
    folder=$(unescaped "$mount")
    if fsfreeze --freeze "$folder" 2>/dev/null; then
      frozen="$mount $frozen"
    elif mount -o remount,ro "$folder" 2>/dev/null; then
      still="$mount $still"
    fi
  done
  echo "point $number" >&4
  # in the foreground: whatever reads a terminal is stopped otherwise
  answer=$(timeout --foreground "$ANSWER_SECONDS" head -n 1 <&4)
  thaw
  trap - EXIT HUP INT TERM
  exec 4<&-
  put_back "$own"
  [ -L "$HERE" ] || rm -rf "$KEPT"
  [ "$answer" = taken ] || echo "$mark!no point after this step: ${answer:-the host did not answer}"
}

thaw() {
  for mount in $frozen; do fsfreeze --unfreeze "$(unescaped "$mount")"; done
  for mount in $still; do mount -o remount,rw "$(unescaped "$mount")"; done
  frozen='' still=''
}

# /proc/mounts has blanks as \040
unescaped() { printf '%b' "$1"; }

put_aside() {
  rm -f /var/lib/systemd/random-seed
  for path in "$KEYS" "$SEEDED"; do
    if [ -e "$path" ]; then mv "$path" "$path.kragle"; fi
  done
  if [ -e "$KEYS.kragle" ]; then sed -i "/$OWN_KEY/d" "$KEYS.kragle"; fi
}

# put_back KEY: and lets that key log in
put_back() {
  for path in "$KEYS" "$SEEDED"; do
    if [ -e "$path.kragle" ]; then mv -f "$path.kragle" "$path"; fi
  done
  if [ -n "$1" ] && ! grep -qxF "$1" "$KEYS" 2>/dev/null; then echo "$1" >>"$KEYS"; fi
}

case "$1" in
  # in a process of its own: the serial line would become the controlling terminal of one that leads its session
  take) (take "$2" "$3") ;;
  back)
    # what the start of the guest makes is no step's
    printf '%s\t-\n' "$(($(date +%s) - $(cut -d . -f 1 /proc/uptime)))" >>"$HERE/steps"
    put_back "$(grep "$OWN_KEY" "$KEYS" 2>/dev/null)"
    ;;
esac
