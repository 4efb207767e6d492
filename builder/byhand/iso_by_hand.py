"""The ISO that somebody who runs the image by hand has put into PATH/os."""

import hashlib
import os
import re

from stage import Failure, say

BUILD = "/build"


def find(folder, facts, given=None):
    """Path of the template's ISO in that folder, or of the given one; verified where its checksum lies beside it."""
    name = facts.get("iso")
    if not given and not name:
        raise Failure("the template folder has no template.json that names its ISO")
    iso = given or os.path.join(folder, name)
    if not os.path.isfile(iso):
        others = [entry for entry in os.listdir(folder) if entry.endswith(".iso")] if os.path.isdir(folder) else []
        found = f"; there is {', '.join(sorted(others))}" if others else ""
        raise Failure(f"{shown(iso)} is missing: put the installation ISO there, under that name{found}")
    if not os.access(iso, os.R_OK):
        raise Failure(f"uid {os.getuid()} may not read {shown(iso)}")
    verify(iso)
    return iso


def shown(path):
    """The path as the user knows it, outside the container."""
    return "PATH" + path.removeprefix(BUILD) if path.startswith(BUILD + "/") else path


def verify(iso):
    name = shown(iso)
    expected = checksum_beside(iso)
    say(f"reading {name} for its checksum")
    with open(iso, "rb") as file:
        found = hashlib.file_digest(file, "sha256").hexdigest()
    if expected is None:
        say(f"warning: nothing says that {name} is whole; its SHA-256 is {found}")
        say(f"compare it with its publisher's, and keep that in {name}.sha256")
    elif found != expected:
        raise Failure(
            f"{name} ({os.path.getsize(iso)} bytes) has the SHA-256 {found}, but {name}.sha256 says "
            f"{expected}: it is another file, or not whole"
        )


def checksum_beside(iso):
    """From <iso>.sha256, alone or as sha256sum writes it, None where there is no such file."""
    path = f"{iso}.sha256"
    if not os.path.exists(path):
        return None
    with open(path, encoding="utf-8", errors="replace") as file:
        match = re.search(r"\b[0-9a-fA-F]{64}\b", file.read())
    if not match:
        raise Failure(f"{shown(path)} holds no SHA-256, which has 64 hexadecimal digits")
    return match[0].lower()
