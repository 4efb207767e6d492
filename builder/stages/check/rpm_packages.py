"""The packages of an rpm database, read by librpm: BerkeleyDB (EL 8 and older) or sqlite; Debian's librpm has no ndb."""

import os

import rpm

# Where it lies, and its file for each of librpm's readers; sqlite's log may hold what its file does not yet.
FOLDERS = ("/var/lib/rpm", "/usr/lib/sysimage/rpm")
BACKENDS = {"Packages": "bdb_ro", "rpmdb.sqlite": "sqlite"}
FILES = (*BACKENDS, "rpmdb.sqlite-wal")


def installed(folder):
    """[{"name", "version", …}] (plan/packages.ts) of a copy of the database, or None where it cannot be read; the copy may be changed."""
    backend = next((BACKENDS[name] for name in BACKENDS if os.path.exists(os.path.join(folder, name))), None)
    if not backend:
        return None
    rpm.setVerbosity(rpm.RPMLOG_CRIT)
    rpm.addMacro("_dbpath", folder)
    rpm.addMacro("_db_backend", backend)
    transaction = rpm.TransactionSet()
    transaction.setVSFlags(-1)  # who signed the packages was for the installation to check
    try:
        packages = [facts(header) for header in transaction.dbMatch()]
    except (rpm.error, OSError):
        return None
    # keys to check signatures with are kept as if they were packages
    return [package for package in packages if package["name"] != "gpg-pubkey"] or None


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
