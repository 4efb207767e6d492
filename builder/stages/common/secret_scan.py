"""Looks for secrets in everything that a disk image holds, deleted files included."""

import base64
import json
import os
import re
from urllib.parse import quote, quote_plus

from disk_reading import extents

SHORTEST = 6  # bytes; what is shorter is found by chance everywhere
CHUNK = 2**20  # bytes that stay in the processor's cache while every pattern is looked for
HITS_SHOWN = 5  # of each form of a secret
PIECE = 12, 20  # fewest and most characters of encoded text that are looked for at once
WRAPPED_AT = 76  # characters in a line of base64, at most (RFC 2045)


def forms(secret):
    """{pattern: name} of the forms in which configuration files, logs and caches keep a secret."""
    plain = secret.encode()
    escaped = [quote(secret, safe=""), quote_plus(secret)]
    found = {
        plain: "plain",
        **{url.encode(): "URL-escaped" for url in escaped},
        **{re.sub("%..", lambda code: code[0].lower(), url).encode(): "URL-escaped" for url in escaped},
        json.dumps(secret)[1:-1].encode(): "JSON-escaped",
        json.dumps(secret, ensure_ascii=False)[1:-1].encode(): "JSON-escaped",
    }
    # wherever it stands in what was encoded, it begins at one of three positions within a group of four characters
    for shift in range(3):
        first = (0, 2, 3)[shift]
        last = (len(plain) + shift) * 8 // 6
        padded = bytes(shift) + plain
        for encode in (base64.b64encode, base64.urlsafe_b64encode):
            found.update((piece, "base64") for piece in pieces(encode(padded)[first:last]))
    return {pattern: "plain" if pattern == plain else name for pattern, name in found.items()}


def pieces(encoded):
    """Two neighbouring pieces of encoded text: where a line ends within one of them, the other is whole."""
    size = min(len(encoded) // 2, PIECE[1])
    return [encoded[:size], encoded[size : 2 * size]] if size >= PIECE[0] else [encoded]


def scan(path, secrets):
    """Scans the data of a sparse file for {name: secret}.

    Returns {"scannedBytes", "tooShort": [name], "hits": [{"secret": name, "form", "offset"}]}, never a secret itself.
    """
    patterns = {}
    too_short = []
    for name, secret in sorted(secrets.items()):
        # a secret of several lines, such as a private key, may be indented or joined where it is kept
        lines = [line.strip() for line in secret.splitlines() if not line.startswith("-----")]
        parts = [line for line in lines if len(line.encode()) >= SHORTEST]
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
    """The first hits of each form of a secret; two pieces of one encoded text are one."""
    shown = {}
    for hit in sorted(hits, key=lambda hit: hit["offset"]):
        group = shown.setdefault((hit["secret"], hit["form"]), [])
        if not group or hit["form"] != "base64" or hit["offset"] - group[-1]["offset"] > WRAPPED_AT:
            group.append(hit)
    return [hit for group in shown.values() for hit in group[:HITS_SHOWN]]
