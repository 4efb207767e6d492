# shellcheck shell=sh
# Sourced by the launcher and by set-up, with `root` set to the project's folder.

# The oldest Node that can `require` ECMAScript modules without a warning; the Pulumi SDK asks for 22.
node_major=22
node_minor=13

# Compiled code is kept between runs: it halves the time that loading the SDK takes. See cacheFolder in loader.cjs.
# shellcheck disable=SC2154 # by who sources this
case $root in
*/node_modules/* | */plugins/*) caches=${XDG_CACHE_HOME:-${HOME:-}/.cache}/kragle ;;
*) caches=$root/.kragle ;;
esac
export NODE_COMPILE_CACHE="${NODE_COMPILE_CACHE:-$caches/compile-cache}"

new_enough() {
  version=$("$1" --version 2>/dev/null) || return 1
  version=${version#v}
  major=${version%%.*}
  minor=${version#*.}
  minor=${minor%%.*}
  [ "$major" -gt "$node_major" ] || { [ "$major" -eq "$node_major" ] && [ "$minor" -ge "$node_minor" ]; }
}

# Sets `node` to the machine's Node where it is new enough, else to the one in .kragle/node, which then also comes
# first in PATH: the Pulumi CLI starts the Node that it finds there.
find_node() {
  node=$(command -v node) && new_enough "$node" && return
  node=$root/.kragle/node/node_modules/.bin/node
  new_enough "$node" || return 1
  PATH=${node%/*}:$PATH
}
