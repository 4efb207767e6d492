"""Which files of the image no package owns, and which are not as their package brought them.

A database says which files its packages have, and of most of them a digest: dpkg MD5, rpm what the package was built with. A file is read
once, and its SHA-256 taken with it. The databases' own files are left out: they are what is compared with.
"""

import hashlib
import re
import stat

DPKG = "/var/lib/dpkg"
DATABASES = (f"{DPKG}/", "/var/lib/rpm/", "/usr/lib/sysimage/rpm/")
LARGEST = 2**30  # bytes of a file that is read; a larger one is listed without a digest
ALL = 16 * 2**30  # and of the files of one file system together

# This is what Python makes of DIR/NAME.py.
CACHE = re.compile(r"(.*)/__pycache__/([^/]+)\.cpython-[0-9]+(?:\.opt-[12])?\.pyc", re.DOTALL)


class Owned:
    """What a database says of a file: its package, its content as (algorithm, digest) or None, and whether it is there to be edited."""

    def __init__(self, package, digest=None, config=False):
        self.package, self.digest, self.config = package, digest, config


def is_dpkg_file(path):
    return path in (f"{DPKG}/diversions", f"{DPKG}/status") or (
        path.startswith(f"{DPKG}/info/") and path.endswith((".list", ".md5sums"))
    )


def dpkg_files(contents):
    """{path: Owned}, of {path: text} of dpkg's files."""
    lines = contents.get(f"{DPKG}/diversions", "").splitlines()
    diverted = {a: (b, package) for a, b, package in zip(lines[::3], lines[1::3], lines[2::3], strict=False)}
    owned = {}

    def own(path, package):
        elsewhere, by = diverted.get(path, (path, package))
        return owned.setdefault(path if by == package else elsewhere, Owned(package))

    for path, text in contents.items():
        package = path.rpartition("/")[2].rpartition(".")[0].partition(":")[0]
        if path.endswith(".list"):
            for line in text.splitlines():
                own(line, package)
        elif path.endswith(".md5sums"):
            for line in text.splitlines():
                own("/" + line[34:], package).digest = ("md5", line[:32])
    package = ""
    for line in contents.get(f"{DPKG}/status", "").splitlines():
        if line.startswith("Package: "):
            package = line.removeprefix("Package: ")
        # below "Conffiles:", " /etc/x DIGEST", perhaps with a word behind it
        fields = line.split()
        if line.startswith(" /") and len(fields) >= 2 and len(fields[1]) == 32:
            known = own(fields[0], package)
            known.digest, known.config = ("md5", fields[1]), True
    return owned


def without_links(owned, links):
    """The same by the paths that files really have: packages still list /bin/x where /bin is a link to usr/bin."""

    def real(path):
        first = re.match(r"(?:/var)?/[^/]+(?=/)", path)
        return links[first[0]] + path[first.end() :] if first and first[0] in links else path

    return {real(path): known for path, known in owned.items()}


def compare(prefix, reader, tree, owned, intact):
    """Adds to the set `intact` the SHA-256 of files that are as their package brought them.

    Yields {"path", "state", "package", "bytes", "sha256"} of regular files of a file system that is mounted at `prefix`.

    state: "unowned", which mark_derived refines; "changed"; "configured", a changed one that is there to be edited; "unread"
    """
    wanted, left = [], ALL
    for path, (mode, _, _, size) in tree.items():
        known = owned.get(prefix + path)
        if not stat.S_ISREG(mode) or (prefix + path).startswith(DATABASES) or (known and not known.digest):
            continue
        if size <= min(LARGEST, left):
            wanted.append(path)
            left -= size
        else:
            yield entry(prefix + path, known, "unread", size, None)
    missing = set(wanted)
    for path, pieces in reader.pieces(tree, wanted):
        known = owned.get(prefix + path)
        size, digests = 0, [hashlib.sha256()]
        if known:
            digests.append(hashlib.new(known.digest[0], usedforsecurity=False))
        for piece in pieces:
            size += len(piece)
            for digest in digests:
                digest.update(piece)
        # A copy for which there was no room is a shorter one.
        if size != tree[path][3]:
            continue
        missing.discard(path)
        sha256, *theirs = (digest.hexdigest() for digest in digests)
        if not known or theirs != [known.digest[1]]:
            state = "configured" if known and known.config else "changed"
            yield entry(prefix + path, known, state, size, sha256)
        elif size:
            intact.add(sha256)
    for path in missing:
        yield entry(prefix + path, owned.get(prefix + path), "unread", tree[path][3], None)


def entry(path, known, state, size, sha256):
    package = known.package if known else None
    return {"path": path, "state": state if known else "unowned", "package": package, "bytes": size, "sha256": sha256}


def mark_derived(found, owned, intact, privileged):
    """Makes "derived" of what is unowned, yet comes of a package: a copy of an intact file, or by its name Python's cache of a module.

    Nobody has looked into a cache. The paths of `privileged`, set-user-id programs and the like, stay what they are.
    """
    for one in found:
        cache = CACHE.fullmatch(one["path"])
        comes = one["sha256"] in intact or (cache and f"{cache[1]}/{cache[2]}.py" in owned)
        if one["state"] == "unowned" and comes and one["path"] not in privileged:
            one["state"] = "derived"
