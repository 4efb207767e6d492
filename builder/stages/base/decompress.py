"""Decompresses a file of which nothing is known but what its compression is called, and not more of it than there may be."""

import bz2
import functools
import gzip
import lzma
import resource
import subprocess
import zlib

from stage import Failure

CHUNK = 2**20
BLOCK = 4096  # zeros in blocks of a file system become holes
MEMORY = 2**30  # bytes of address space: xz asks for as much as the file says
# by name: what is none of xz may pass for its older form, and be empty
OPENERS = {"xz": functools.partial(lzma.open, format=lzma.FORMAT_XZ), "gz": gzip.open, "bz2": bz2.open}


def decompress(source, target, compression, most):
    """Writes what is compressed in `source` as the sparse file `target`.

    Raises Failure for what is more than `most` bytes, or no whole file.
    """
    before = resource.getrlimit(resource.RLIMIT_AS)
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, before[1]))
    try:
        with open(target, "wb") as file:
            write_sparse(pieces(source, compression), file, most)
    except (EOFError, OSError, lzma.LZMAError, zlib.error) as error:
        if getattr(error, "errno", None):
            raise  # the disk's words, not the file's
        raise Failure(f"the file is no whole {compression} file: {error}") from error
    except MemoryError as error:
        raise Failure(f"the file needs more than {MEMORY // 2**20} MiB of memory to be decompressed") from error
    finally:
        resource.setrlimit(resource.RLIMIT_AS, before)


def pieces(source, compression):
    if compression == "zst":
        yield from pieces_of_zstd(source)
        return
    with OPENERS[compression](source) as file:
        while piece := file.read(CHUNK):
            yield piece


def pieces_of_zstd(source):
    command = ["zstd", "--decompress", "--stdout", "--quiet", "--memory=512MB", "--", source]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
        try:
            while piece := process.stdout.read(CHUNK):
                yield piece
            words = process.stderr.read().decode("utf-8", "replace").strip()
            process.wait()
        finally:
            if process.poll() is None:
                process.kill()  # nobody reads on
    if process.returncode != 0:
        raise EOFError(words or f"zstd ended with exit code {process.returncode}")


def write_sparse(chunks, file, most):
    size = 0
    for chunk in chunks:
        if size + len(chunk) > most:
            raise Failure(f"the file has more than {most} bytes when it is decompressed, which is more than the setting diskSize allows")
        for start in range(0, len(chunk), BLOCK):
            block = chunk[start : start + BLOCK]
            if block.strip(b"\0"):
                file.seek(size + start)
                file.write(block)
        size += len(chunk)
    file.truncate(size)
