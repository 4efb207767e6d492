import { mkdirSync } from "node:fs";
import { join } from "node:path";

import { firstOnPath } from "./firstOnPath";

/**
 * Puts a virsh first on PATH that keeps the volumes of the pool "images" as files of the folder `pool`, and what it was told in the file
 * `calls`.
 *
 * @param outer a folder of the test's own
 * @param download what its vol-download does
 * @returns the pool's folder
 */
export function fakeVirsh(outer: string, download = 'cat "$pool/$2"'): string {
  const pool = join(outer, "pool");
  mkdirSync(pool);
  const script = `pool='${pool}'
echo "$*" >>'${join(outer, "calls")}'
shift 3
command=$1; shift
[ "$command" = pool-refresh ] && exit
[ "$1 $2" = "--pool images" ] || { echo "no pool $2" >&2; exit 1; }
shift 2
case $command in
  vol-list) for f in "$pool"/*; do [ -e "$f" ] && echo " \${f##*/}   $f"; done; true ;;
  vol-create-as) : >"$pool/$2" ;;
  vol-upload) cat "$3" >"$pool/$2" ;;
  vol-download) ${download} ;;
  vol-path) echo "$pool/$2" ;;
  vol-delete) rm "$pool/$2" ;;
  *) exit 9 ;;
esac`;
  firstOnPath(join(outer, "bin"), "virsh", script);
  return pool;
}
