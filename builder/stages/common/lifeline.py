"""lifeline.py PROGRAM ARGUMENT…: a container's first process, which runs a program while the caller holds the container's stdin open.

Docker keeps a container running when the client that started it is killed. The caller therefore keeps stdin open and
the build ends when it closes, whatever became of the caller.
"""

import json
import os
import signal
import subprocess
import sys
import threading
import time

PRIVATE = "/run/kragle"  # a tmpfs of the container
RESULTS = ("/result", "/logs")  # where the caller's folders are, if there are any
GRACE_SECONDS = 3  # between the polite signal and the other one
ENDED_BY_CALLER = 143  # 128 + SIGTERM


def receive():
    """Reads the one line of the job from stdin: settings and secrets into two files.

    Returns the program's environment, which names them, and the [uid, gid] that shall own the results, or None. Proxies
    come in the job's "environment" and not in the container's, since their addresses may contain a password.
    """
    line = sys.stdin.buffer.readline()
    try:
        job = json.loads(line)
        parts = {"settings": job["settings"], "secrets": job.get("secrets", {})}
        environment = {**os.environ, **job.get("environment", {})}
    except (ValueError, KeyError, TypeError) as error:
        sys.exit(f'lifeline: expected one line {{"settings": …, "secrets": …}} on stdin ({error!r}).')
    for name, value in parts.items():
        path = os.path.join(PRIVATE, f"{name}.json")
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o400), "w", encoding="utf-8") as file:
            json.dump(value, file)
        environment[f"KRAGLE_{name.upper()}"] = path
    return environment, job.get("owner")


def hand_over(owner):
    """Gives what root has made to the caller, who else could neither publish nor delete it."""
    if owner is None or os.getuid() != 0:
        return
    for top in RESULTS:
        for folder, folders, files in os.walk(top):
            for name in [".", *folders, *files]:
                os.chown(os.path.join(folder, name), *owner, follow_symlinks=False)


def signal_all(number, group):
    """Signals everything the program started. As pid 1 that is everything there is, whatever group it moved to."""
    try:
        if os.getpid() == 1:
            os.kill(-1, number)
        else:
            os.killpg(group, number)
    except ProcessLookupError:
        pass


def run(command):
    """Runs the command and returns its exit code (128 + n for signal n; 143 when the caller went away)."""
    environment, owner = receive()
    try:
        program = subprocess.Popen(command, env=environment, stdin=subprocess.DEVNULL, start_new_session=True)
    except OSError as error:
        sys.exit(f"lifeline: cannot start {command[0]}: {error.strerror}.")

    ended_with = []  # the exit code, once somebody outside asked for the end

    def end(code):
        if ended_with:
            return
        ended_with.append(code)
        signal_all(signal.SIGTERM, program.pid)
        killer = threading.Timer(GRACE_SECONDS, signal_all, (signal.SIGKILL, program.pid))
        killer.daemon = True
        killer.start()

    def watch_stdin():
        while os.read(sys.stdin.fileno(), 4096):
            pass
        end(ENDED_BY_CALLER)

    for number in (signal.SIGTERM, signal.SIGINT, signal.SIGHUP):
        signal.signal(number, lambda received, _frame: end(128 + received))
    if os.environ.get("KRAGLE_LIFELINE"):
        threading.Thread(target=watch_stdin, daemon=True).start()

    code = reap_until(program.pid)
    if ended_with:
        linger()
    hand_over(owner)
    return ended_with[0] if ended_with else code


def reap_until(pid):
    """Reaps children, also orphans that became ours, until the given one has ended; returns its exit code."""
    while True:
        reaped, status = os.wait()
        if reaped == pid:
            code = os.waitstatus_to_exitcode(status)
            return code if code >= 0 else 128 - code


def linger():
    """Gives what the program left behind the same grace to end before the container disappears under it."""
    deadline = time.monotonic() + GRACE_SECONDS
    while time.monotonic() < deadline:
        try:
            if os.waitpid(-1, os.WNOHANG)[0] == 0:
                time.sleep(0.05)
        except ChildProcessError:
            return


if __name__ == "__main__":
    sys.exit(run(sys.argv[1:]))
