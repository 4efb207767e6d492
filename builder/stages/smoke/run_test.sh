#!/bin/sh
# Runs the user's tests in the booted image. kragle sends this text with each request; the guest's disk is a throw-away overlay.
#
#   folder                prints the path of a new folder in which programs may run
#   add FILE              appends stdin to a file
#   run FILE [ARGUMENT…]  runs it, and ends with its exit code; what it prints goes to FILE.out
#   stop FILE             kills it, with all that it has started
#   output FILE BYTES     prints so many bytes at most of what it has printed: the beginning and the end
set -u
export PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin HOME=/root
umask 022

# Every folder may lie on a file system that is mounted noexec; on Debian, /run itself is.
folder() {
  for parent in /var/lib /root /opt /run; do
    folder=$(mktemp -d "$parent/kragle-tests.XXXXXX" 2>/dev/null) || continue
    [ "$parent" != /run ] || runs_in "$folder" || mount -t tmpfs -o mode=700,exec tmpfs "$folder" 2>/dev/null
    if runs_in "$folder"; then
      echo "$folder"
      return 0
    fi
    rm -rf "$folder"
  done
  echo "no folder of the guest lets programs run: /var/lib, /root, /opt and /run are mounted noexec or read-only" >&2
  return 1
}

runs_in() {
  printf '#!/bin/sh\n' >"$1/probe" 2>/dev/null && chmod 700 "$1/probe" && "$1/probe" 2>/dev/null
  code=$?
  rm -f "$1/probe"
  return "$code"
}

run() {
  file=$1
  shift
  chmod 755 "$file"
  interpreter=$(LC_ALL=C sed -n -e '1s/^#![[:blank:]]*\([^[:blank:]]*\).*/\1/p' -e q "$file" | tr -d '\0')
  if [ -n "$interpreter" ] && ! command -v "$interpreter" >/dev/null; then
    echo "the image has no $interpreter, by which its first line says that it is run" >"$file.out"
    return 127
  fi
  cd / || return
  # a session of its own, so that all of it can be stopped; a file, so that what it leaves behind holds nothing up
  setsid "$file" "$@" </dev/null >"$file.out" 2>&1 &
  echo "$!" >"$file.pid"
  wait "$!"
}

output() {
  size=$(wc -c <"$1.out" 2>/dev/null) || return 0
  if [ "$size" -le "$2" ]; then
    cat "$1.out"
    return
  fi
  head -c $(($2 / 2)) "$1.out"
  printf '\n[%s bytes are left out here]\n' $((size - $2 / 2 * 2))
  tail -c $(($2 / 2)) "$1.out"
}

case $1 in
  folder) folder ;;
  add) cat >>"$2" ;;
  run)
    shift
    run "$@"
    ;;
  stop) kill -KILL "-$(cat "$2.pid")" ;;
  output) output "$2" "$3" ;;
esac
