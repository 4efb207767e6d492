#!/usr/bin/env python3
"""Fetches an ISO or a disk into the cache: from the first of its addresses that gives the right file. A download that was cut goes on.

Not by curl: its retries begin where the first try began, it ends where a server cannot go on, and it brings seven libraries
(3.6 MB) into the builder image.

Mounts: /cache. Settings: algorithm ("sha256" or "sha512"), digest, kind ("iso" or "disk"), name (what people call it). Secret: urls, a
list as JSON, since an address may carry a token. Result: /cache/<digest>.<kind>, which appears when it is whole and verified.
"""

import hashlib
import json
import os
import time
import urllib.error
import urllib.parse
import urllib.request

import stage
import web_page

CACHE = "/cache"
CHUNK = 2**20
SILENCE_SECONDS = 60
REPORT_SECONDS = 10
ATTEMPTS = 4  # at one address, as long as each brings more


def fetch_file(settings):
    name = settings["name"]
    final = os.path.join(CACHE, f"{settings['digest']}.{settings['kind']}")
    part = final + ".part"
    why = []
    for url in json.loads(stage.secrets()["urls"]):
        stage.phase(f"fetch {shown(url)}")
        try:
            download(url, part)
            stage.phase(f"verify the {name}")
            verify(part, settings["algorithm"], settings["digest"])
        except stage.Failure as failure:
            stage.detail(str(failure))
            why.append(f"\n  {shown(url)}: {failure}")
            continue
        os.rename(part, final)
        return
    raise stage.Failure(f"the {name} is not to be had from any of its addresses:{''.join(why)}")


def shown(url):
    """The address without user, password and query, which may be secret."""
    parts = urllib.parse.urlsplit(url)
    return urllib.parse.urlunsplit((parts.scheme, parts.netloc.rsplit("@", 1)[-1], parts.path, "", ""))


def download(url, part):
    """Appends to the file what is lacking; raises Failure with the server's own words."""
    for _ in range(ATTEMPTS):
        before = size_of(part)
        try:
            receive(url, part, before)
            return
        except (OSError, ValueError) as error:  # URLError and time-outs are OSErrors
            if isinstance(error, urllib.error.HTTPError) and error.code == 416 and before:
                return  # nothing is lacking; its checksum will tell
            if size_of(part) == before:
                raise stage.Failure(str(error) or type(error).__name__) from error
            stage.detail(f"cut off after {size_of(part) // 2**20} MiB ({error}); going on there")
    raise stage.Failure(f"was cut off {ATTEMPTS} times")


def receive(url, part, start):
    request = urllib.request.Request(url, headers={"Range": f"bytes={start}-"} if start else {})
    with urllib.request.urlopen(request, timeout=SILENCE_SECONDS) as answer:
        if start and answer.status != 206:
            start = 0  # the server does not know how to go on, and sends all of it
        first = answer.read(web_page.LOOKED_AT)
        web_page.refuse(answer.headers.get("Content-Type"), b"" if start else first, shown(answer.url))
        rest = answer.headers.get("Content-Length")
        whole = start + int(rest) if rest else None
        done, told, began = start, time.monotonic(), time.monotonic()
        with open(part, "r+b" if start else "wb") as file:
            file.seek(start)
            while chunk := first or answer.read(CHUNK):
                first = b""
                file.write(chunk)
                done += len(chunk)
                if time.monotonic() - told > REPORT_SECONDS:
                    told = time.monotonic()
                    stage.detail(progress(done, whole, (done - start) / (told - began)))
            file.flush()
            os.fsync(file.fileno())
        if whole is not None and done < whole:
            raise OSError(f"{done} of {whole} bytes came")


def progress(done, whole, speed):
    text = f"{done / 2**20:.0f} MiB"
    if whole:
        left = (whole - done) / speed if speed else 0
        text += f" of {whole / 2**20:.0f} MiB, about {max(1, round(left / 60))} min left"
    return text


def verify(part, algorithm, digest):
    with open(part, "rb") as file:
        found = hashlib.file_digest(file, algorithm).hexdigest()
    if found != digest:
        size = size_of(part)
        os.remove(part)
        raise stage.Failure(f"gave another file ({size} bytes, SHA-{algorithm[3:]} {found})")


def size_of(path):
    return os.path.getsize(path) if os.path.exists(path) else 0


if __name__ == "__main__":
    stage.main(fetch_file)
