import { spawn } from "node:child_process";
import type { Socket } from "node:net";

/** What a script may need of this process's environment; nothing else of it, a secret perhaps, outlives this process. */
const ENVIRONMENT = ["PATH", "HOME", "DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"];

/**
 * Runs a shell script once this process has ended, however it ends, SIGKILL included; it must not need anything that this process
 * could still give it. The arguments are its $1, $2 and so on.
 *
 * @returns `now` has it run now, `cancel` not at all
 */
export function afterThisProcess(
  script: string,
  ...args: readonly string[]
): { now: () => void; cancel: () => void } {
  const given = ENVIRONMENT.map((name) => [name, process.env[name]]).filter(([, value]) => value);
  // not by runProgram: it outlives this process; a session of its own, since whoever ends this process may end all of its group
  const watcher = spawn("sh", ["-c", `[ -z "$(cat)" ] || exit 0\n${script}`, "sh", ...args], {
    detached: true,
    stdio: ["pipe", "ignore", "ignore"],
    env: Object.fromEntries(given) as NodeJS.ProcessEnv,
  });
  watcher.on("error", () => undefined);
  watcher.unref();
  const lifeline = watcher.stdin as Socket;
  lifeline.on("error", () => undefined);
  lifeline.unref();
  return { now: () => void lifeline.end(), cancel: () => void lifeline.end("cancel") };
}

/** Removes a folder once this process has ended, if it is still there then. */
export const removeAfterThisProcess = (folder: string): void =>
  void afterThisProcess('rm -rf -- "$1"', folder);

/** Ends every process of the session $1: politely, and five seconds later for good. The session stands in /proc/PID/stat, see proc(5). */
const END_SESSION = `
session=$1
end() {
  found=1
  for stat in /proc/[0-9]*/stat; do
    read -r line <"$stat" || continue
    pid=\${line%% *}
    set -- \${line##*) }
    if [ "$4" = "$session" ]; then found=0; kill -"$signal" "$pid"; fi
  done
  return $found
}
signal=TERM
end || exit 0
sleep 5
signal=KILL
end`;

/**
 * Ends what a child has started and left running, when the child or this process has ended. Programs that put their own children into
 * process groups of their own, as the Pulumi CLI does with its plugins, are found by their session.
 *
 * @param session the process id of a child that was started with `detached`
 * @returns a function for the time when the child has ended
 */
export const endSessionWithThisProcess = (session: number): (() => void) =>
  afterThisProcess(END_SESSION, `${session}`).now;
