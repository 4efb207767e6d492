"""The partition table of a raw disk image, and what a partition holds that no file system is in."""

import json
import os
import re

from disk_reading import extents, output

# These hold something else than a file system: BIOS boot, PReP boot, and the extended ones of an MBR.
NO_FILE_SYSTEM = ("21686148-6449-6E6F-744E-656564454649", "9E1A2D38-C612-4316-AA26-8B49521E5A8B", "5", "f", "85")


def read_table(raw):
    """What sfdisk reads, which compares both copies of a GPT and says so on its stderr; None where there is no table."""
    code, text, _ = output(["sfdisk", "--json", raw])
    if code != 0:
        return None
    try:
        table = json.loads(text)["partitiontable"]
    except (ValueError, KeyError):
        return {"label": "unknown", "problems": ["sfdisk cannot tell what it holds"], "bootCode": False, "partitions": []}
    sector = table.get("sectorsize", 512)
    with open(raw, "rb") as file:
        boot_code = any(file.read(440))
    partitions = [
        {
            "number": int(re.search(r"\d+$", part["node"]).group()),
            "type": part["type"],
            "name": part.get("name", ""),
            "uuid": part.get("uuid", "").lower(),
            "startBytes": part["start"] * sector,
            "sizeBytes": part["size"] * sector,
        }
        for part in table.get("partitions", [])
    ]
    partitions.sort(key=lambda part: part["startBytes"])
    problems = table_problems(raw, partitions, table.get("firstlba", 1) * sector)
    return {"label": table["label"], "problems": problems, "bootCode": boot_code, "partitions": partitions}


def table_problems(raw, partitions, first_byte):
    """What sfdisk complains of, and two things that it does not mind."""
    _, verdict, complaints = output(["sfdisk", "--verify", raw])
    fine = re.compile(r"(No errors detected|Header version|Using \d|A total of|Remaining )|.*:$|$")
    problems = [line for line in (complaints + verdict).splitlines() if not fine.match(line)]
    for part in partitions:
        if part["startBytes"] < first_byte:
            problems.append(f"partition {part['number']} begins in the table itself")
        if part["sizeBytes"] <= 0:
            problems.append(f"partition {part['number']} is empty")
    return problems


def needs_no_reader(raw, partition):
    """Whether a partition in which nothing is recognised is meant to be so, or holds zeros only."""
    if partition["type"] in NO_FILE_SYSTEM:
        return True
    start = partition["startBytes"]
    with open(raw, "rb") as file:
        for offset, size in extents(file, start, start + partition["sizeBytes"]):
            for at in range(offset, offset + size, 2**20):
                if os.pread(file.fileno(), min(2**20, offset + size - at), at).strip(b"\0"):
                    return False
    return True
