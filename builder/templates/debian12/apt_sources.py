"""The same APT sources as they were on a date."""

import re
import urllib.request
from typing import NamedTuple

from stage import Failure

HEAD_BYTES = 4096  # of a Release file: its fields stand before its thousands of checksums


class Source(NamedTuple):
    """One line of a sources.list(5): archive, suite and components; the options as they stand between the brackets."""

    uri: str
    suite: str
    components: str
    options: str = ""

    def __str__(self):
        return f"deb {f'[{self.options}] ' if self.options else ''}{self.uri} {self.suite} {self.components}"


def parse(text):
    """The binary package sources of a text in one-line style."""
    pattern = r"^\s*deb\s+(?:\[\s*([^\]]*?)\s*\]\s+)?(\S+)\s+(\S+)((?:[ \t]+[^\s#]+)*)"
    return [
        Source(uri, suite, " ".join(components.split()), options or "")
        for options, uri, suite, components in re.findall(pattern, text, re.MULTILINE)
    ]


def at_date(sources, date, read_release=None):
    """The sources as they were on a date (YYYY-MM-DD), from the snapshot archive that each archive itself names.

    The field "Snapshots" of an archive's Release file is that archive's address, with @SNAPSHOTID@ in the place of the
    time (Debian's repository format). Raises Failure where the field is missing or nothing answers at that address.
    """
    return [snapshot(source, date, read_release or fetch_release) for source in sources]


def snapshot(source, date, read_release):
    address = release_address(source)
    match = re.search(r"^Snapshots:\s*(\S*@SNAPSHOTID@\S*)", read_release(address), re.MULTILINE)
    if not match:
        raise Failure(
            f'the setting snapshot is "{date}", but {address} names no snapshot archive (field "Snapshots"), so the '
            "packages of that day cannot be found; use a mirror whose Release file has the field, or leave snapshot out"
        )
    # A Release file of the past is out of date by nature.
    options = f"{source.options} check-valid-until=no".strip()
    uri = match[1].replace("@SNAPSHOTID@", date.replace("-", "") + "T000000Z")
    found = source._replace(uri=uri, options=options)
    read_release(release_address(found))
    return found


def release_address(source):
    return f"{source.uri.rstrip('/')}/dists/{source.suite}/Release"


def fetch_release(address):
    """The head of a Release file. Proxies are those of the environment."""
    try:
        with urllib.request.urlopen(address, timeout=30) as response:
            return response.read(HEAD_BYTES).decode("utf-8", "replace")
    except OSError as error:  # also what urllib raises
        raise Failure(
            f"{address} cannot be read ({getattr(error, 'reason', error)}), which the setting snapshot needs; "
            "check the date and the network, or leave snapshot out"
        ) from error
