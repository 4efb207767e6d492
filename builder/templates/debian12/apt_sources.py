"""APT sources as data: which archives a bootstrap reads, and the same archives as they were on a date."""

import re
import urllib.error
import urllib.request
from typing import NamedTuple

from stage import Failure


class Source(NamedTuple):
    """One archive, suite and its components; options as in the one-line format, such as {"signed-by": path}."""

    uri: str
    suite: str
    components: tuple
    options: dict

    def line(self):
        options = " ".join(f"{name}={value}" for name, value in sorted(self.options.items()))
        return f"deb {f'[{options}] ' if options else ''}{self.uri} {self.suite} {' '.join(self.components)}"


def parse(text):
    """All binary package sources of a text in one-line or deb822 format (sources.list(5)), or of both below each other."""
    sources = []
    for block in re.split(r"\n\s*\n", text):
        lines = [line for line in block.splitlines() if line.strip() and not line.startswith("#")]
        if any(re.match(r"types\s*:", line, re.IGNORECASE) for line in lines):
            sources += parse_stanza(lines)
        else:
            sources += [source for line in lines for source in parse_line(line)]
    return sources


def parse_line(line):
    match = re.match(r"\s*deb\s+(?:\[([^\]]*)\]\s+)?(\S+)\s+(\S+)((?:\s+[^\s#]+)*)", line)
    if not match:
        return []
    options = dict(option.split("=", 1) for option in (match[1] or "").split() if "=" in option)
    return [Source(match[2], match[3], tuple(match[4].split()), options)]


def parse_stanza(lines):
    fields = {}
    for line in lines:
        if line[0].isspace():
            fields[name] += " " + line.strip()
        elif ":" in line:
            name, value = line.split(":", 1)
            name = name.strip().lower()
            fields[name] = value.strip()
    if "deb" not in fields.get("types", "").split() or fields.get("enabled", "yes").lower() in ("no", "false", "0"):
        return []
    # A key in the stanza itself cannot be said in the one-line format; APT then falls back to its trusted keys.
    key = fields.get("signed-by", "")
    options = {"signed-by": key} if key.startswith("/") else {}
    components = tuple(fields.get("components", "").split())
    return [
        Source(uri, suite, components, options)
        for uri in fields.get("uris", "").split()
        for suite in fields.get("suites", "").split()
    ]


def of_release(sources, codename):
    """Those sources that belong to the release: a host may be another release and has other vendors' archives."""
    suites = {codename, f"{codename}-updates", f"{codename}-security", f"{codename}/updates"}
    return [source for source in sources if source.suite.rstrip("/") in suites]


def at_date(sources, date, read_release=None):
    """The same sources as they were on a date (YYYY-MM-DD), from the snapshot archive that each archive itself names.

    The field "Snapshots" of an archive's Release file gives that archive's address with @SNAPSHOTID@ in the place of
    the time (apt-transport and Debian's repository format). Raises Failure where there is none.
    """
    identifier = date.replace("-", "") + "T000000Z"
    return [snapshot(source, identifier, date, read_release or fetch_release) for source in sources]


def snapshot(source, identifier, date, read_release):
    address = f"{source.uri.rstrip('/')}/dists/{source.suite}/Release"
    match = re.search(r"^Snapshots:\s*(\S*@SNAPSHOTID@\S*)", read_release(address), re.MULTILINE)
    if not match:
        raise Failure(
            f'snapshot "{date}": {address} names no snapshot archive (field "Snapshots"), so the state of that day '
            "cannot be found; take a mirror whose Release file has the field, or leave the setting snapshot out"
        )
    uri = match[1].replace("@SNAPSHOTID@", identifier)
    # The Release files of a past day are past their date by nature.
    found = source._replace(uri=uri, options={**source.options, "check-valid-until": "no"})
    read_release(f"{uri.rstrip('/')}/dists/{source.suite}/Release")
    return found


def fetch_release(address):
    """The head of a Release file, without its tens of thousands of checksum lines. The proxies are the environment's."""
    try:
        with urllib.request.urlopen(address, timeout=30) as response:
            return response.read(65536).decode("utf-8", "replace").split("\nMD5Sum:")[0].split("\nSHA256:")[0]
    except (urllib.error.URLError, OSError) as error:
        raise Failure(
            f"{address} cannot be read ({getattr(error, 'reason', error)}); the setting snapshot needs it: "
            "check the date and the network, or leave the setting out"
        ) from error
