#!/bin/sh
# Lets the host take a point, the disk after a step, while the guest runs and its file systems are quiet.
#
#   sh point.sh take NUMBER MARK   after the step of that number; where none can be taken, the build goes on without
#   sh point.sh back               in a guest that goes on from a point: puts back what was put aside for it
#
# The host is asked on the second serial line, see points.py. It is told by MARK as in guest.sh. What belongs to one run only is not in
# the point: the key by which Packer logs in, of which the next run brings its own, and the seed of random numbers.
#
# Under emulation the start of a program takes up to 0.1 s, and the guest waits: what the shell can do itself, it does.
set -u

HERE=/run/kragle
KEPT=/var/lib/kragle # has the notes where the folder itself goes with the guest, see `resume` of guest.sh
LINE=/dev/ttyS1
ANSWER_SECONDS=60
KEYS=/root/.ssh/authorized_keys
SEED=/var/lib/systemd/random-seed
OWN_KEY=kragle-build # the key's comment, see stages/image/buildKey.ts
# The note that the seed's key is where it belongs, without which it is put there again: cloud-init's, or kragle-firstboot's.
SEEDED=/var/lib/cloud/data/instance-id
[ ! -e /usr/bin/cloud-init ] || SEEDED=/var/lib/cloud/instance/sem/config_ssh

take() {
  number=$1 mark=$2
  stty -F "$LINE" raw -echo 2>/dev/null || { echo "$mark!no point: the guest has no $LINE" && return 0; }
  exec 4<>"$LINE"
  put_aside
  [ -L "$HERE" ] || cp -a "$HERE" "$KEPT"
  # the deepest first
  mounts=''
  while read -r device mount type options _; do
    case "$device $options," in /dev/*' rw,'*) mounts="$type,$mount $mounts" ;; esac
  done </proc/mounts
  sync
  trap thaw EXIT
  trap 'exit 1' HUP INT TERM
  frozen='' still=''
  # nothing may be written from here to `thaw`: who writes waits. FAT cannot be frozen; it counts as clean where it is read-only.
  for each in $mounts; do
    mount=${each#*,}
    if [ "${each%%,*}" != vfat ] && for_mount fsfreeze --freeze 2>/dev/null; then
      frozen="$mount $frozen"
    elif for_mount mount -o remount,ro 2>/dev/null; then
      still="$mount $still"
    fi
  done
  echo "point $number" >&4
  # in the foreground: whatever reads a terminal is stopped otherwise
  answer=$(timeout --foreground "$ANSWER_SECONDS" head -n 1 <&4)
  thaw
  trap - EXIT HUP INT TERM
  exec 4<&-
  put_back
  [ -L "$HERE" ] || rm -rf "$KEPT"
  [ "$answer" = taken ] || echo "$mark!no point after this step: ${answer:-the host did not answer}"
}

thaw() {
  for mount in $frozen; do for_mount fsfreeze --unfreeze; done
  for mount in $still; do for_mount mount -o remount,rw; done
  frozen='' still=''
}

# for_mount COMMAND...: with the folder of $mount as the last argument; /proc/mounts has blanks as \040
for_mount() {
  case "$mount" in
    *\\*) "$@" "$(printf '%b' "$mount")" ;;
    *) "$@" "$mount" ;;
  esac
}

put_aside() {
  read_own_key
  if [ -e "$SEED" ]; then rm "$SEED"; fi
  for path in "$KEYS" "$SEEDED"; do
    if [ -e "$path" ]; then mv "$path" "$path.kragle"; fi
  done
  if [ -n "$own" ]; then printf '%s' "$others" >"$KEYS.kragle"; fi
}

# Puts back what was put aside, and lets the key by which this run's Packer logs in do so, which read_own_key has found before.
put_back() {
  for path in "$KEYS" "$SEEDED"; do
    [ -e "$path.kragle" ] || continue
    mv -f "$path.kragle" "$path"
    if [ "$path" = "$KEYS" ] && [ -n "$own" ]; then printf '%s\n' "$own" >>"$KEYS"; fi
  done
}

# Sets `own` to the line of the key by which Packer logs in, empty for none, and `others` to all other lines.
read_own_key() {
  own='' others=''
  [ -e "$KEYS" ] || return 0
  while IFS= read -r line || [ -n "$line" ]; do
    case "$line" in
      *" $OWN_KEY") own=$line ;;
      *) others="$others$line
" ;;
    esac
  done <"$KEYS"
}

case "$1" in
  # in a process of its own: the serial line would become the controlling terminal of one that leads its session
  take) (take "$2" "$3") ;;
  back)
    # what the start of the guest makes is no step's
    printf '%s\t-\n' "$(($(date +%s) - $(cut -d . -f 1 /proc/uptime)))" >>"$HERE/steps"
    # a step may have written a last line without an end, to which the key must not be appended
    if [ -e "$KEYS.kragle" ] && [ -n "$(tail -c 1 "$KEYS.kragle")" ]; then echo >>"$KEYS.kragle"; fi
    read_own_key
    put_back
    ;;
esac
