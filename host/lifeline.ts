import { spawn } from "node:child_process";
import type { Socket } from "node:net";

/** The variables that a script gets. The rest of the environment may hold secrets, which must not outlive this process. */
const ENVIRONMENT = [
  ...["PATH", "HOME", "DOCKER_HOST", "DOCKER_TLS_VERIFY", "DOCKER_CERT_PATH"],
  ...["DOCKER_CONTEXT", "DOCKER_CONFIG"],
];

/**
 * Runs a shell script once this process has ended, however it ends, SIGKILL included. A shell that is started now waits for that: its
 * stdin is a pipe from this process, which the kernel closes then. The script gets the arguments as $1, $2 and so on, and of the
 * environment only the variables above.
 *
 * @returns `now` runs the script at once, `cancel` makes that it never runs
 */
export function afterThisProcess(
  script: string,
  ...args: readonly string[]
): { now: () => void; cancel: () => void } {
  const given = ENVIRONMENT.map((name) => [name, process.env[name]]).filter(([, value]) => value);
  // not by runProgram, since it outlives this process; in a session of its own, since Ctrl-C ends a whole process group
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

/** Ends every process of the session $1 by SIGTERM, five seconds later by SIGKILL; the session is field 6 of /proc/PID/stat, proc(5). */
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
 * Ends what a child has started and left running, as the Pulumi CLI leaves its plugins, when this process ends. They may be in process
 * groups of their own, but they are all in the child's session.
 *
 * @param session the process id of a child that was started with `detached`, which gives it a session of that number
 * @returns a function that ends them at once, to be called when the child has ended
 */
export const endSessionWithThisProcess = (session: number): (() => void) =>
  afterThisProcess(END_SESSION, `${session}`).now;
