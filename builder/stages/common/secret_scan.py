"""Looks for secrets in everything that a disk image holds, deleted files included."""

import os
import re

from disk_reading import extents

CHUNK = 2**20  # bytes that stay in the processor's cache while every pattern is looked for
HITS_SHOWN = 5  # of each form of a secret


def scan(path, patterns):
    """Searches the data of a sparse file.

    `patterns` are those of host/secretForms.ts, the one list of the forms in which programs write a secret down: each is
    {"secret": name, "form", "pattern": regular expression of bytes, "longest": the most bytes that it can match}.
    Returns {"scannedBytes", "hits": [{"secret": name, "form", "offset"}]}, never a secret itself.
    """
    by_beginning = {}  # which several forms share, and which is looked for four times as fast as an expression
    for one in patterns:
        beginning = re.match("[A-Za-z0-9]*", one["pattern"])[0]
        expression = re.compile(one["pattern"].encode("ascii"))
        by_beginning.setdefault(beginning.encode("ascii"), []).append((expression, one["secret"], one["form"]))
    overlap = max((one["longest"] for one in patterns), default=1) - 1
    hits = {}  # of one that is several forms at once, the first counts: plain
    scanned = 0
    with open(path, "rb") as file:
        for start, length in extents(file) if patterns else ():
            scanned += length
            for offset in range(start, start + length, CHUNK):
                data = os.pread(file.fileno(), min(CHUNK + overlap, start + length - offset), offset)
                found = [group for beginning, group in by_beginning.items() if beginning in data]
                for expression, secret, form in (one for group in found for one in group):
                    match = expression.search(data)
                    while match and match.start() < CHUNK:
                        hits.setdefault((offset + match.start(), secret), form)
                        match = expression.search(data, match.start() + 1)
    return {"scannedBytes": scanned, "hits": few_of_each(hits)}


def few_of_each(hits):
    """The first hits of each form of a secret."""
    shown = {}
    for (offset, secret), form in sorted(hits.items()):
        shown.setdefault((secret, form), []).append({"secret": secret, "form": form, "offset": offset})
    return [hit for group in shown.values() for hit in group[:HITS_SHOWN]]
