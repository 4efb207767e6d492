"""What the readers of file systems have in common."""

import os
import subprocess

ENVIRONMENT = {**os.environ, "LC_ALL": "C", "MTOOLS_SKIP_CHECK": "1"}
CONTENT_LIMIT = 16 * 2**20  # bytes of a file that are of interest


class ReadError(Exception):
    """A file system that a tool cannot read."""


def output(command, script=None):
    """Exit code, stdout and stderr of a command, which gets the text `script` on its stdin."""
    text = None if script is None else script.encode("utf-8", "surrogateescape")
    stdin = {"stdin": subprocess.DEVNULL} if text is None else {"input": text}
    result = subprocess.run(command, env=ENVIRONMENT, capture_output=True, check=False, **stdin)
    return result.returncode, decode(result.stdout), decode(result.stderr)


def decode(data):
    return data.decode("utf-8", "surrogateescape")


def extents(file, start=0, end=None):
    """The ranges (offset, bytes) of a sparse file that hold data."""
    end = end if end is not None else os.fstat(file.fileno()).st_size
    position = start
    while position < end:
        try:
            data = os.lseek(file.fileno(), position, os.SEEK_DATA)
        except OSError:  # ENXIO: only a hole is left
            return
        if data >= end:
            return
        hole = min(os.lseek(file.fileno(), data, os.SEEK_HOLE), end)
        yield data, hole - data
        position = hole


def copy_range(source, target, start, size):
    """Copies a part of a sparse file and keeps its holes."""
    target.truncate(size)
    for offset, length in extents(source, start, start + size):
        while length > 0:
            data = os.pread(source.fileno(), min(length, 2**20), offset)
            if not data:
                return
            os.pwrite(target.fileno(), data, offset - start)
            offset, length = offset + len(data), length - len(data)
