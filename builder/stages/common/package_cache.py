"""Files that package managers have downloaded, for later builds: a folder that builds share, and that nobody trusts.

A file's name is the SHA-256 of its address, ".", the SHA-256 of its content. One that is cut, empty, damaged or another's is known by
that: it is deleted, and downloaded again. Its time of change is that of its last use; where the folder is full, those go first that
were not used for longest. What has a name of another form is not the cache's, and is left alone.
"""

import contextlib
import hashlib
import os
import re
import stat
import time
import uuid

NAME = re.compile(r"[0-9a-f]{64}\.[0-9a-f]{64}")
DRAFT = re.compile(r"\.[0-9a-f-]{36}~")  # as host/atomicWrite.ts names what is not finished
DRAFT_SECONDS = 3600  # without a byte: whoever wrote it has ended
RESERVE_BYTES = 512 * 2**20  # what stays free on the disk: a build needs it more
BY_HASH = re.compile(r"/by-hash/SHA256/([0-9a-f]{64})$")  # an index of apt's, whose address says what it is


def digest_of(address):
    return hashlib.sha256(address.encode()).hexdigest()


class Cache:
    """The files in `folder`, which together may take `most_bytes`."""

    def __init__(self, folder, most_bytes):
        self.folder = folder
        self.most_bytes = most_bytes

    def find(self, address):
        """The file from that address, open and whole, or None."""
        for name in self.names_of(address):
            file = self.open_whole(name)
            if file:
                return file
        return None

    def names_of(self, address):
        start = f"{digest_of(address)}."
        return [name for name in os.listdir(self.folder) if name.startswith(start) and NAME.fullmatch(name)]

    def open_whole(self, name):
        path = os.path.join(self.folder, name)
        try:
            file = open(os.open(path, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK), "rb")  # noqa: SIM115 (the caller's)
        except OSError:
            return None
        with contextlib.suppress(OSError):
            if stat.S_ISREG(os.fstat(file.fileno()).st_mode) and hashlib.file_digest(file, "sha256").hexdigest() == name[65:]:
                with contextlib.suppress(OSError):
                    os.utime(path)
                file.seek(0)
                return file
        file.close()
        self.delete(name)
        return None

    def delete(self, name):
        with contextlib.suppress(OSError):
            os.unlink(os.path.join(self.folder, name))

    def remove(self, address):
        for name in self.names_of(address):
            self.delete(name)

    def make_room(self, length=0):
        """Deletes what was not used for longest, until so many bytes more fit in; and what was never finished."""
        kept = []
        now = time.time()
        for entry in os.scandir(self.folder):
            with contextlib.suppress(OSError):
                if not entry.is_file(follow_symlinks=False):
                    continue
                facts = entry.stat(follow_symlinks=False)
                if NAME.fullmatch(entry.name):
                    kept.append((facts.st_mtime, facts.st_size, entry.name))
                elif DRAFT.fullmatch(entry.name) and now - facts.st_mtime > DRAFT_SECONDS:
                    self.delete(entry.name)
        total = sum(size for _, size, _ in kept)
        for _, size, name in sorted(kept):
            if total + length <= self.most_bytes:
                break
            self.delete(name)
            total -= size

    def fits(self, length):
        facts = os.statvfs(self.folder)
        return length <= self.most_bytes and facts.f_bavail * facts.f_frsize - length >= RESERVE_BYTES

    def draft(self, address, length):
        """What takes the file that is being downloaded."""
        return Draft(self, address, length)


class Draft:
    """A file that is being downloaded. Where it cannot be written it is given up, which nobody else has to care about."""

    def __init__(self, cache, address, length):
        self.cache = cache
        self.address = address
        self.length = length
        self.digest = hashlib.sha256()
        self.path = os.path.join(cache.folder, f".{uuid.uuid4()}~")
        self.file = None
        with contextlib.suppress(OSError):
            if cache.fits(length):
                self.file = open(self.path, "xb", buffering=0)  # noqa: SIM115 (closed by drop)

    def write(self, piece):
        if self.file:
            try:
                self.digest.update(piece)
                if self.file.write(piece) != len(piece):
                    self.drop()
            except OSError:
                self.drop()

    def keep(self):
        """It is whole: puts it in the place of all others from that address."""
        promised = BY_HASH.search(self.address)
        digest = self.digest.hexdigest()
        with contextlib.suppress(OSError):
            if not self.file or (promised and promised[1] != digest) or os.fstat(self.file.fileno()).st_size != self.length:
                return
            if os.getuid() == 0:  # whoever has the folder can delete it
                owner = os.stat(self.cache.folder)
                os.fchown(self.file.fileno(), owner.st_uid, owner.st_gid)
            self.cache.remove(self.address)
            self.cache.make_room(self.length)
            os.rename(self.path, os.path.join(self.cache.folder, f"{digest_of(self.address)}.{digest}"))

    def drop(self):
        """Ends it; what was not kept is deleted."""
        if self.file:
            self.file.close()
            self.file = None
            with contextlib.suppress(OSError):
                os.unlink(self.path)
