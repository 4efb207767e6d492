"""The packages of an rpm database, read by librpm: BerkeleyDB (EL 8 and older) or sqlite; Debian's librpm has no ndb."""

import os

import rpm
from package_files import Owned

# Where it lies, and its file for each of librpm's readers; sqlite's log may hold what its file does not yet.
FOLDERS = ("/var/lib/rpm", "/usr/lib/sysimage/rpm")
BACKENDS = {"Packages": "bdb_ro", "rpmdb.sqlite": "sqlite"}
FILES = (*BACKENDS, "rpmdb.sqlite-wal")

# rpm's numbers of digests, as RFC 4880 has them; what has none was built by an rpm that knew MD5 only
ALGORITHMS = {None: "md5", 1: "md5", 2: "sha1", 8: "sha256", 9: "sha384", 10: "sha512"}


def installed(folder):
    """([{"name", "version", …}] (plan/packages.ts), {path: Owned}) of a copy of the database, which may be changed.

    None where it cannot be read.
    """
    backend = next((BACKENDS[name] for name in BACKENDS if os.path.exists(os.path.join(folder, name))), None)
    if not backend:
        return None
    rpm.setVerbosity(rpm.RPMLOG_CRIT)
    rpm.addMacro("_dbpath", folder)
    rpm.addMacro("_db_backend", backend)
    transaction = rpm.TransactionSet()
    transaction.setVSFlags(-1)  # who signed the packages was for the installation to check
    try:
        # keys to check signatures with are kept as if they were packages
        headers = [header for header in transaction.dbMatch() if header["name"] != "gpg-pubkey"]
        packages = [facts(header) for header in headers]
        owned = {path: known for header in headers for path, known in files(header)}
    except (rpm.error, OSError):
        return None
    return (packages, owned) if packages else None


def files(header):
    """(path, Owned) of what the package has; a folder, a link or a file that a program makes later has no digest."""
    algorithm = ALGORITHMS.get(header["filedigestalgo"])
    for path, digest, flags in zip(header["filenames"], header["filedigests"], header["fileflags"], strict=True):
        known = (algorithm, digest) if algorithm and digest else None
        yield path, Owned(header["name"], known, bool(flags & rpm.RPMFILE_CONFIG))


def facts(header):
    def evr(version, release):
        return f"{version}-{release}"

    own = evr(header["version"], header["release"])
    # "bash-4.2.46-34.el7.src.rpm"
    source = (header["sourcerpm"] or "").removesuffix(".rpm").rpartition(".")[0].rsplit("-", 2)
    return {
        "name": header["name"],
        "version": own if header["epoch"] is None else f"{header['epoch']}:{own}",
        "architecture": header["arch"] or "noarch",
        "source": source[0] or header["name"],
        "sourceVersion": evr(*source[1:]) if len(source) == 3 else own,
        "license": header["license"] or None,
        "homepage": header["url"] or None,
        "installedBytes": header["longsize"] or 0,
    }
