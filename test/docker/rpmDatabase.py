"""Makes an rpm database with two packages and a key: rpmDatabase.py FOLDER bdb|sqlite"""

import dbm.ndbm
import os
import sqlite3
import struct
import sys

import rpm

folder, kind = os.path.abspath(sys.argv[1]), sys.argv[2]
os.makedirs(folder)


def header(**tags):
    made = rpm.hdr()
    for name, value in tags.items():
        made[name] = value
    return made.unload()


headers = [
    header(
        name="bash", version="4.2.46", release="35.el7", arch="x86_64", license="GPLv3+", size=3667709,
        url="http://www.gnu.org/software/bash", sourcerpm="bash-4.2.46-35.el7.src.rpm", summary="x" * 70000,
    ),
    header(
        name="openssl-libs", epoch=1, version="1.0.2k", release="26.el7_9", arch="x86_64", license="OpenSSL", size=3200172,
        sourcerpm="openssl-1.0.2k-26.el7_9.src.rpm",
    ),
    header(name="gpg-pubkey", version="f4a80eb5", release="53a7ff4b", license="pubkey"),
]
if kind == "bdb":
    # Python's ndbm is Berkeley DB's on Debian, with the extension .db
    path = os.path.join(folder, "Packages")
    with dbm.ndbm.open(path, "n") as database:
        database[struct.pack("<I", 0)] = struct.pack("<I", len(headers))
        for number, blob in enumerate(headers, 1):
            database[struct.pack("<I", number)] = blob
    os.rename(path + ".db", path)
else:
    rpm.addMacro("_dbpath", folder)
    rpm.TransactionSet().initDB()
    with sqlite3.connect(os.path.join(folder, "rpmdb.sqlite")) as database:
        database.executemany("INSERT INTO Packages (blob) VALUES (?)", [(blob,) for blob in headers])
