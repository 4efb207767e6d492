"""What every stage program of the builder shares: its settings, its progress lines, running tools, failing well.

A stage program runs under lifeline.py, finds its settings in the file that KRAGLE_SETTINGS names, and prints
progress on stderr: "» name" opens a phase, any other line is detail. It exits 0, or 1 after a line "error: …".
"""

import json
import os
import re
import subprocess
import sys

LONGEST_LOG = 32 * 2**20  # bytes; a script that prints without end must not fill the disk
LEFT_OUT = b"[lines are left out here: they were too many]\n"
MAXIMUM_LINE = 2000  # characters; whoever reads the container's output breaks longer lines
TAIL = 10  # lines of a failed tool's output, or of a log, that an error repeats


class Failure(Exception):
    """The stage cannot go on. The text is for the user: what failed, where, why, and the next step."""


def phase(name):
    print(f"» {name}", file=sys.stderr, flush=True)


def detail(line):
    print(plain(line), file=sys.stderr, flush=True)


def say(text):
    """A line for somebody who runs the image by hand, between the lines of the tools."""
    print(f"kragle: {text}", file=sys.stderr, flush=True)


class Log:
    """A log that keeps its first half and its latest lines where it becomes too long.

    host/logFile.ts writes its logs in the same way, to the byte.
    """

    def __init__(self, path, longest=LONGEST_LOG):
        self.file = open(path, "ab", buffering=0)  # noqa: SIM115 (it ends with the process)
        self.longest = longest
        self.bytes = self.file.tell()
        self.beginning = None  # where it ends, once that half is full
        self.in_line = False  # the last piece had no line end
        self.cut = LEFT_OUT

    def write(self, text):
        data = text.encode(errors="replace")
        end = self.bytes + len(data)
        if end > self.longest / 2 and self.beginning is None:
            self.beginning = self.bytes
            self.cut = b"\n" + LEFT_OUT if self.in_line else LEFT_OUT
        if end > self.longest:
            self.file.truncate(self.beginning)
            self.bytes = self.beginning + self.file.write(self.cut)
        self.bytes += self.file.write(data)
        self.in_line = not data.endswith(b"\n")


def plain(line):
    """One line as a terminal would leave it: after the last carriage return, without escape sequences, not endless."""
    line = line.rstrip("\r\n").rsplit("\r", 1)[-1]
    line = re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", line)
    line = "".join(character for character in line if character.isprintable() or character == "\t")
    return line if len(line) <= MAXIMUM_LINE else line[:MAXIMUM_LINE] + "…"


def run(command, env=None, quiet=False, show=None):
    """Runs a tool and returns its output; raises Failure with the last lines of it.

    The output is shown line by line as detail; `show` may turn a line into another text, or into None to leave it out.
    """
    environment = {**os.environ, **(env or {})}
    lines = []
    with subprocess.Popen(
        command,
        env=environment,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        errors="replace",
    ) as process:
        for line in process.stdout:
            lines.append(line)
            text = None if quiet else show(line) if show else line
            if text:
                detail(text)
    if process.returncode != 0:
        tail = "".join(f"\n  {plain(line)}" for line in lines[-TAIL:])
        raise Failure(f"{command[0]} ended with exit code {process.returncode}:{tail}")
    return "".join(lines)


def tail_of(path):
    """The last lines of a log, indented, for the end of an error."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = [plain(line) for line in file.read().split("\n")]
    except OSError:
        lines = []
    lines = [re.sub(" {3,}", "  ", line) for line in lines if line.strip()][-TAIL:]
    return "".join(f"\n  {line}" for line in lines or ["(nothing)"])


def end_of(path):
    """The end of a log, for the end of an error, and where the whole is; the guest's screen, too, after its console."""
    folder, name = os.path.split(path)
    console = name.endswith("serial.log") and os.path.exists(os.path.join(folder, "screen.png"))
    return f"{tail_of(path)}\nall of it: logs/{name}" + ("; its screen: logs/screen.png" if console else "")


def secrets():
    """The run's secrets by name; none where somebody runs a program by hand."""
    if "KRAGLE_SECRETS" not in os.environ:
        return {}
    with open(os.environ["KRAGLE_SECRETS"], encoding="utf-8") as file:
        return json.load(file)


def tool_versions():
    """Versions of the builder image's tools, as it recorded them when it was built."""
    with open("/etc/kragle-tools.json", encoding="utf-8") as file:
        return json.load(file)


def write_json(path, value):
    with open(path, "w", encoding="utf-8") as file:
        json.dump(value, file, indent=2)
        file.write("\n")


def main(program):
    """Runs program(settings) and ends the process with the stage's exit code."""
    with open(os.environ["KRAGLE_SETTINGS"], encoding="utf-8") as file:
        settings = json.load(file)
    try:
        program(settings)
    except Failure as failure:
        print(f"error: {failure}", file=sys.stderr, flush=True)
        sys.exit(1)
