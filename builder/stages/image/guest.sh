#!/bin/sh
# kragle's hand in the guest while Packer provisions it: finds the scripts a folder in which they can run, and runs each of them.
#
#   sh guest.sh prepare                  once, before the first script: makes /run/kragle
#   sh guest.sh run NAME MARK SCRIPT [GIVEN]   runs one script and ends with its exit code; GIVEN, in base64, are lines of
#                                        shell that set its environment, and its arguments behind "$@"
#   sh guest.sh restart NAME             restarts the guest in a moment; its disk keeps what follows
#   sh guest.sh resume                   in place of prepare in a guest that was restarted, or goes on from a point
#
# What a script prints is data: each line of it reaches Packer as MARK| and the line, what this program has to say as MARK! and
# the line, so that nobody takes either for Packer's own words. MARK is - where nobody listens but a person.
#
# /run/kragle is, or links to, a folder outside /tmp, since scripts may do to that what they like:
#   guest.sh   this program
#   started    its time of change is that of the first script
#   steps      when each script began, in seconds since 1970, and its name
#   users      the accounts that the installed system had
#   set-back   there, where a script set the clock back
#   keep       KRAGLE_KEEP: scripts write paths there, one a line, that generalisation shall leave alone
set -u

HERE=/run/kragle
KEPT=/var/lib/kragle
APT_CONF=/run/kragle-apt.conf # in memory, not on the disk: the address of a proxy may have a password

# Every folder may lie on a file system that is mounted noexec; on Debian, /run itself is. The last is one of our own.
prepare() {
  rm -rf "$HERE"
  for folder in "$KEPT" /opt/kragle /root/.kragle "$HERE"; do
    rm -rf "$folder"
    install -d -m 755 "$folder" 2>/dev/null || continue
    if [ "$folder" = "$HERE" ] && ! runs_in "$folder" 2>/dev/null; then
      mount -t tmpfs -o mode=755,exec tmpfs "$folder" 2>/dev/null || continue
    fi
    if runs_in "$folder" 2>/dev/null; then
      [ "$folder" = "$HERE" ] || ln -s "$folder" "$HERE"
      cp "$0" "$HERE/guest.sh"
      cut -d: -f1 /etc/passwd >"$HERE/users"
      : >"$HERE/steps"
      : >"$HERE/keep"
      : >"$HERE/started"
      return 0
    fi
    rm -rf "$folder"
  done
  echo "no folder of the guest lets programs run: /var/lib, /opt, /root and /run are mounted noexec or read-only" >&2
  return 1
}

# What this program has to say, in one line.
say() { printf '%s%s\n' "$note" "$(printf '%s' "$*" | tr '\n\r' '  ')"; }

# The folder of notes may lie on a tmpfs, which does not outlive the guest's run: then /var/lib/kragle keeps them meanwhile.
restart() {
  printf '%s\t%s\n' "$(date +%s)" "$1" >>"$HERE/steps"
  if [ ! -L "$HERE" ]; then
    rm -rf "$KEPT"
    cp -a "$HERE" "$KEPT"
  fi
  sync
  # this program's connection ends before the guest does
  setsid sh -c 'sleep 1; systemctl reboot || reboot' >/dev/null 2>&1 </dev/null &
}

resume() {
  rm -rf "$HERE"
  for folder in "$KEPT" /opt/kragle /root/.kragle; do
    [ -e "$folder/started" ] || continue
    if runs_in "$folder" 2>/dev/null; then
      ln -s "$folder" "$HERE"
    else
      install -d -m 755 "$HERE"
      runs_in "$HERE" 2>/dev/null || mount -t tmpfs -o mode=755,exec tmpfs "$HERE"
      cp -a "$folder/." "$HERE/"
      rm -rf "$folder"
    fi
    cp "$0" "$HERE/guest.sh"
    [ ! -e "$HERE/point.sh" ] || sh "$HERE/point.sh" back
    return 0
  done
  echo "the guest lost the notes of its build: $KEPT is gone" >&2
  return 1
}

# Whether programs may be put into the folder and run there; says why not.
runs_in() {
  printf '#!/bin/sh\n' >"$1/probe" && chmod 755 "$1/probe" && "$1/probe"
  code=$?
  rm -f "$1/probe"
  return "$code"
}

run() {
  name=$1 mark=$2 script=$3 given=${4-}
  note=$mark! data=$mark\|
  if [ "$mark" = - ]; then note='kragle: ' data=''; fi
  chmod 755 "$script"
  find_interpreter "$script" || return 127
  began=$(date +%s)
  printf '%s\t%s\n' "$began" "$name" >>"$HERE/steps"

  # A pipe of our own: what a script leaves in the background holds that and not Packer's connection, which would wait for it.
  pipe=$(cd -P "$HERE" && pwd)/output
  rm -f "$pipe"
  mkfifo -m 600 "$pipe"
  exec 3<>"$pipe" # so that opening it blocks nobody
  exec 4<"$pipe"  # before the script may take the pipe away
  end=$mark-$$-end
  forward <&4 3>&- 4<&- &
  forwarder=$!
  exec 4<&-
  find_packages
  export KRAGLE_KEEP="$HERE/keep" APT_CONFIG="${APT_CONFIG-$APT_CONF}"
  (
    set -- "$script" # what is given may have variables of any name
    [ -z "$given" ] || eval "$(echo "$given" | base64 -d)"
    "$@"
  ) </dev/null >"$pipe" 2>&1 3>&- &
  wait "$!"
  code=$?
  echo "$end" >&3
  wait "$forwarder"
  name_background
  [ "$code" -eq 0 ] || name_refused
  if [ "$(date +%s)" -lt "$began" ] && [ -d "$HERE/." ]; then
    : >"$HERE/set-back"
    say "the script set the clock back; what is taken away only where it is as it was installed stays, since nobody can tell any more"
  fi
  if [ "$code" -eq 0 ] && ! is_next_possible; then code=1; fi
  return "$code"
}

# Tells scripts' apt how to fetch. KRAGLE_PACKAGES is the proxy with the build's cache of packages; a guest that does not reach it, since a
# script has shut its network or has put it on another, goes on without.
find_packages() {
  if [ -n "${KRAGLE_PACKAGES-}" ]; then
    place=${KRAGLE_PACKAGES#http://}
    timeout 5 bash -c ": <>/dev/tcp/${place%:*}/${place##*:}" 2>/dev/null || unset KRAGLE_PACKAGES
  fi
  {
    # apt only warns where it could not fetch a list, and what is missing then is a riddle
    printf '%s "%s";\n' Acquire::Retries 5 APT::Update::Error-Mode any
    # without a word on https, apt would take http's proxy for that, too
    [ -z "${KRAGLE_PACKAGES-}" ] ||
      printf '%s "%s";\n' Acquire::http::Proxy "$KRAGLE_PACKAGES" Acquire::https::Proxy "${https_proxy:-DIRECT}"
  } >"$APT_CONF"
}

# Forwards the script's output until `end`, which may follow an unfinished line. Of a line that was overwritten (carriage return), what a
# terminal would show in the end, as Packer does: the mark must not be cut off with the rest.
forward() {
  return=$(printf '\r')
  # It prints each line at once, where coreutils can make it do so.
  buffered=
  if command -v stdbuf >/dev/null; then buffered='stdbuf -oL'; fi
  # shellcheck disable=SC2086 # two words
  LC_ALL=C $buffered sed -n -e "s/$end\$//" -e 't end' -e "s/$return*\$//" -e "s/.*$return//" -e "s/^/$data/p" -e d \
    -e ':end' -e '/^$/q' -e "s/^/$data/p" -e q
}

# Names what the script left running: by its process group, or because it holds the script's output, which is read on for it.
name_background() {
  group=$(group_of "$$")
  holders=" $(find /proc/[0-9]*/fd -lname "$pipe" 2>/dev/null | sed 's|^/proc/\([0-9]*\)/fd/.*|\1|' | sort -u | tr '\n' ' ')"
  held=
  for folder in /proc/[0-9]*; do
    process=${folder#/proc/}
    if [ "$process" = "$$" ] || [ "$process" = "$PPID" ]; then continue; fi
    case "$holders" in
      *" $process "*) held=yes ;;
      *) [ "$(group_of "$process")" = "$group" ] || continue ;;
    esac
    command=$(tr '\0\n' '  ' 2>/dev/null <"$folder/cmdline") || continue
    [ -z "$command" ] || say "still running after the script has ended: $command(process $process)"
  done
  if [ -n "$held" ]; then setsid cat <"$pipe" >/dev/null 2>&1 3>&- & fi
}

# Names the packages that were not what they had to be, also where the script keeps apt's words to itself.
name_refused() {
  for file in /var/cache/apt/archives/partial/*.FAILED; do
    if [ -e "$file" ]; then say "apt has refused $(basename "$file" .FAILED): it is not what it has to be"; fi
  done
}

# The process group of a process, by proc(5); its name may contain blanks and parentheses.
group_of() {
  read -r line 2>/dev/null <"/proc/$1/stat" || return 0
  # shellcheck disable=SC2086 # its fields
  set -- ${line##*) }
  echo "$3"
}

# Says so where what the script's first line names does not run it; the shell would only say "not found", and env nothing at all.
find_interpreter() {
  first=$(head -n 1 "$1" | LC_ALL=C tr -d '\0')
  case "$first" in '#!'*) ;; *) return 0 ;; esac
  set -f
  # shellcheck disable=SC2086 # its words
  set -- ${first#??}
  set +f
  interpreter=${1-}
  [ -n "$interpreter" ] || return 0 # the shell runs it
  case "$interpreter ${2-}" in
    */env\ -*S* | */env\ --split-string*) ;; # env itself names what is lacking
    */env\ -* | */env\ )
      say "the script's first line, $first, does not run it: env gets all that follows as one word (write env -S)"
      return 1
      ;;
    */env\ *) interpreter=$2 ;;
  esac
  command -v "$interpreter" >/dev/null && return 0
  say "the guest has no $interpreter, by which the script is to be run (its first line is $first); install it in an earlier script"
  return 1
}

# What comes after the script needs the folder, and the login shell of the user by whom Packer came. Where the script took either
# away it is the script that failed, not the next one, which could not even be copied. Generalisation takes the folder away.
is_next_possible() {
  case "$name" in [0-9][0-9]-generalise.sh) return 0 ;; esac
  for file in guest.sh steps keep users started; do
    if [ ! -e "$HERE/$file" ]; then
      say "the script took away $HERE/$file, which the build needs until its end"
      return 1
    fi
  done
  if ! why=$(runs_in "$HERE" 2>&1); then
    free=$(df -Pk "$HERE/." | awk 'NR == 2 { print $4 }')
    say "after the script, $(readlink -f "$HERE") takes no script any more, or runs none, which the build needs until its end: $why ($free KiB are free)"
    return 1
  fi
  logs_in
}

# Whether the login shell runs commands and prints nothing by itself, which would be taken for a word of whoever copies a file here.
logs_in() {
  user=$(id -un)
  shell=$(awk -F : -v user="$user" '$1 == user { print $7 }' /etc/passwd)
  : "${shell:=/bin/sh}"
  # as under sshd, for which bash reads .bashrc
  words=$(unset SHLVL && SSH_CLIENT='192.0.2.1 1 22' timeout 60 "$shell" -c : </dev/null 2>"$HERE/probe")
  code=$?
  if [ "$code" -ne 0 ]; then
    say "after the script, $user's login shell $shell runs no commands (exit code $code), by which the build comes in until its end: $words$(cat "$HERE/probe")"
  elif [ -n "$words" ]; then
    say "after the script, $user's login shell $shell prints something before any command, so that no file can be copied here; let it do so in interactive shells only: $words"
  fi
  rm -f "$HERE/probe"
  [ "$code" -eq 0 ] && [ -z "$words" ]
}

case "$1" in
  prepare) prepare ;;
  run) run "$2" "$3" "$4" "${5-}" ;;
  restart) restart "$2" ;;
  resume) resume ;;
esac
exit # the last script removes this file
