#!/bin/sh
# Stands before QEMU on PATH where a test wants to see what Packer does with one, not a guest. What it does is the text
# that -append or FAKE gives: lines for the serial console, an exit code.
case " $* " in
  *" -version "*) echo "QEMU emulator version 7.2.0"; exit ;;
  *" -drive "*) ;;
  *) exec /usr/bin/qemu-system-x86_64 "$@" ;;
esac
printf '%s\n' "$@" >"${FAKE_ARGUMENTS:-/dev/null}"
for argument; do
  # shellcheck disable=SC2034 # for the text of FAKE
  case $argument in file:*) serial=${argument#file:} ;; esac
done
# shellcheck source=/dev/null
. "$FAKE"
