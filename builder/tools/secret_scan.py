"""Looks for secrets in everything that a disk image holds, deleted files included."""

import base64
import json
import os
from urllib.parse import quote, quote_plus

from file_systems import extents

SHORTEST = 6  # bytes; what is shorter is found by chance everywhere
CHUNK = 2**20  # bytes that stay in the processor's cache while every pattern is looked for
HITS_SHOWN = 5  # of each form of a secret


def forms(secret):
    """{pattern: name} of the forms in which configuration files, logs and caches keep a secret."""
    plain = secret.encode()
    found = {
        plain: "plain",
        quote(secret, safe="").encode(): "URL-escaped",
        quote_plus(secret).encode(): "URL-escaped",
        json.dumps(secret)[1:-1].encode(): "JSON-escaped",
        json.dumps(secret, ensure_ascii=False)[1:-1].encode(): "JSON-escaped",
    }
    # wherever it stands in what was encoded, it begins at one of three positions within a group of four characters
    for shift in range(3):
        first = (0, 2, 3)[shift]
        last = (len(plain) + shift) * 8 // 6
        padded = bytes(shift) + plain
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            found[encode(padded)[first:last]] = "base64"
    return {pattern: "plain" if pattern == plain else name for pattern, name in found.items()}


def scan(path, secrets):
    """Scans the data of a sparse file for {name: secret}.

    Returns {"scannedBytes", "tooShort": [name], "hits": [{"secret": name, "form", "offset"}]}, never a secret itself.
    """
    patterns = {}
    too_short = []
    for name, secret in sorted(secrets.items()):
        # a secret of several lines, such as a private key, may be indented or joined where it is kept
        parts = [line.strip() for line in secret.splitlines() if len(line.strip().encode()) >= SHORTEST]
        if not parts:
            too_short.append(name)
        for part in parts:
            patterns.update({pattern: (name, form) for pattern, form in forms(part).items()})
    hits = []
    scanned = 0
    overlap = max(map(len, patterns), default=1) - 1
    with open(path, "rb") as file:
        for start, length in extents(file) if patterns else ():
            scanned += length
            for offset in range(start, start + length, CHUNK):
                size = min(CHUNK + overlap, start + length - offset)
                data = os.pread(file.fileno(), size, offset)
                for pattern, (name, form) in patterns.items():
                    at = data.find(pattern)
                    while 0 <= at < CHUNK:
                        hits.append({"secret": name, "form": form, "offset": offset + at})
                        at = data.find(pattern, at + 1)
    return {"scannedBytes": scanned, "tooShort": too_short, "hits": few_of_each(hits)}


def few_of_each(hits):
    shown = {}
    for hit in hits:
        shown.setdefault((hit["secret"], hit["form"]), []).append(hit)
    return [hit for group in shown.values() for hit in group[:HITS_SHOWN]]
