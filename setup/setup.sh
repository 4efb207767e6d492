#!/bin/sh
# Sets this machine up: Node, the Node dependencies, then (in TypeScript, setup/main.ts) Docker and what the base needs.
# Needs sh, npm and any Node that npm runs on. Does only what is lacking.
set -eu
root=$(dirname -- "$(dirname -- "$(readlink -f -- "$0")")")
. "$root/setup/node.sh"

usage() {
  cat <<'END'
Usage: ./kragle setup [--yes] [--json]

Sets this machine up, and does only what is lacking:
  Node            in .kragle/node, where the machine's own is older than 22.13
  dependencies    in node_modules, by npm ci
  Docker engine   from the distribution's packages, where no daemon answers; a daemon that answers is left alone
  mmdebstrap      from the distribution's packages, where no container registry answers

  -y, --yes       do not ask before packages are installed or a daemon is started
  --json          print one JSON document on stdout, and all else on stderr
  -h, --help      show this text

Exit codes: 0 done, or nothing to do; 2 wrong arguments; 3 something is lacking and could not be had.
END
}

# A reader that goes away does not stop the work; what nobody can be told is judged at the end, in setup/main.ts.
trap '' PIPE
say() {
  printf '%s\n' "$1" 2>/dev/null || true
}

yes=
json=
for argument; do
  case $argument in
    -y | --yes) yes=--yes ;;
    --json) json=--json ;;
    -h | --help)
      exec 3>&1
      why=$(usage 2>&1 >&3) && exit
      echo "the output could not be written: ${why##*: }" >&2
      exit 3
      ;;
    *)
      echo "set-up: \"$argument\" is not an argument; allowed are --yes, --json, --help" >&2
      exit 2
      ;;
  esac
done
exec 3>&1
[ -z "$json" ] || exec >&2

lacking() {
  printf 'set-up: %s\n  next: %s\n' "$1" "$2" >&2
  if [ -n "$json" ]; then
    printf '{"error":"%s","exitCode":3}\n' "$(printf '%s' "$1" | sed 's/[\\"]/\\&/g')" >&3
  fi
  exit 3
}

# Runs npm in a folder. Shows the command, and while it runs silently a line now and then.
npm_ci() {
  command -v npm >/dev/null || lacking "npm is not installed" "install Node.js with npm, any version that npm runs on: set-up fetches a newer Node by it; on Debian and Ubuntu: apt-get install nodejs npm"
  say "  \$ npm ci --ignore-scripts  # in $1"
  (while sleep 20 >/dev/null 2>&1; do say "  … npm is still at work"; done) 3>&- &
  beat=$!
  code=0
  (cd "$1" && npm ci --ignore-scripts --no-fund --no-audit --no-update-notifier) || code=$?
  kill "$beat" 2>/dev/null || true
  [ "$code" -eq 0 ] || lacking "npm ci failed with exit code $code in $1" "see npm's own words above; the registry that it uses is shown by: npm config get registry"
}

did=
if ! find_node; then
  [ -e "$root/setup/loader.cjs" ] || lacking "Node ${node_major}.${node_minor} or newer is needed, and the machine's is $(node --version 2>/dev/null || echo none)" "install Node.js ${node_major}.${node_minor} or newer"
  say "» install Node ${node_major}.${node_minor} or newer into .kragle/node (the machine's: $(node --version 2>/dev/null || echo none))"
  mkdir -p "$root/.kragle/node"
  cp "$root/setup/node/package.json" "$root/setup/node/package-lock.json" "$root/.npmrc" "$root/.kragle/node/"
  npm_ci "$root/.kragle/node"
  find_node || lacking "the Node from npm does not run on this machine ($(uname -sm))" "install Node.js ${node_major}.${node_minor} or newer"
  did=yes
fi

# The published package came with its dependencies, and has what was built of the TypeScript.
[ -e "$root/setup/loader.cjs" ] || exec "$node" "$root/setup/main.js" $yes $json >&3 3>&-

# npm writes node_modules/.package-lock.json when it has finished.
# shellcheck disable=SC3013 # every sh that Debian or busybox has knows -nt
if [ ! -e "$root/node_modules/.package-lock.json" ] || [ "$root/package-lock.json" -nt "$root/node_modules/.package-lock.json" ]; then
  say "» install the Node dependencies into node_modules"
  # npm itself on the Node that the dependencies ask for
  PATH=$(dirname -- "$node"):$PATH
  npm_ci "$root"
  did=yes
fi

exec "$node" --require "$root/setup/loader.cjs" "$root/setup/main.ts" $yes $json ${did:+--did-something} >&3 3>&-
