#!/usr/bin/env python3
"""The check stage's inspector: reads a finished qcow2 offline, writes what it finds to /scratch/facts.json, judges nothing.

settings: {"image": path of the qcow2, "contents": [regular expression of paths whose content is wanted]}
secrets:  {"search": JSON of what to look for: {"patterns" (see secret_scan), "tooShort": [name of a secret without any]}}
No root, KVM, mount or network; /scratch is an empty folder with enough free space for the disk's data.
"""

import contextlib
import json
import os
import re
import shutil
import stat

import rpm_packages
import stage
from disk_reading import ReadError, output
from facts_file import write_facts
from file_systems import open_reader
from package_files import compare, dpkg_files, is_dpkg_file, mark_derived, without_links
from partition_table import needs_no_reader, read_table
from qcow2_file import read_disk
from secret_scan import scan

SCRATCH = "/scratch"
EFI_SYSTEM = "C12A7328-F81F-11D2-BA4B-00A0C93EC93B"


def inspect(settings):
    search = json.loads(stage.secrets()["search"])
    stage.phase("check the qcow2's structure")
    facts = {"disk": read_disk(settings["image"]), "table": None, "fileSystems": [], "tree": [], "contents": {}}
    if facts["disk"]["problems"] or facts["disk"]["backingFile"]:
        # clusters that it lacks read as zeros, or as whatever file of this machine it names: nothing read from it could be believed
        return facts
    stage.phase("unpack")
    raw = os.path.join(SCRATCH, "disk.raw")
    stage.run(["qemu-img", "convert", "-f", "qcow2", "-O", "raw", "-W", "-m", "16", settings["image"], raw])
    stage.phase("read the file systems")
    facts["table"] = table = read_table(raw)
    readable = read_file_systems(raw, table["partitions"] if table else [], facts)
    collect(readable, re.compile("|".join(settings["contents"])), facts)
    rpm_database = read_rpm_database(readable)
    if rpm_database is not False:
        facts["rpm"] = rpm_database and rpm_database[0]
    stage.phase("compare the files with their packages")
    facts["packageFiles"] = compare_with_packages(readable, rpm_database and rpm_database[1])
    stage.phase("look for the run's secrets")
    facts["secrets"] = {"tooShort": search["tooShort"], **scan(raw, search["patterns"])}
    for hit in facts["secrets"]["hits"]:
        hit["where"] = locate(hit["offset"], readable)
    os.unlink(raw)
    return facts


def read_file_systems(raw, partitions, facts):
    """Adds each file system to the facts; returns those that could be read as (record, partition, reader, tree)."""
    readable = []
    for partition in partitions:
        place = ["-O", str(partition["startBytes"]), "-S", str(partition["sizeBytes"])]
        _, text, _ = output(["blkid", "-p", "-o", "export", *place, raw])
        # a blank in a label comes with a backslash
        tags = dict(re.sub(r"\\(.)", r"\1", line).split("=", 1) for line in text.splitlines() if "=" in line)
        if tags.get("TYPE") == "swap" or ("USAGE" not in tags and needs_no_reader(raw, partition)):
            continue
        record = {
            "partition": partition["number"],
            "type": tags.get("TYPE", "unknown"),
            "uuid": tags.get("UUID", ""),
            "label": tags.get("LABEL", ""),
            "mountPoint": None,
            "checked": False,
            "problems": [],
        }
        facts["fileSystems"].append(record)
        with reading(record):
            reader = open_reader(record["type"], raw, partition, SCRATCH)
            if reader:
                record["problems"] = reader.problems()
                readable.append((record, partition, reader, reader.tree()))
                record["checked"] = True
    assign_mount_points(readable, facts["fileSystems"], partitions)
    return readable


@contextlib.contextmanager
def reading(record):
    """Makes whatever a damaged file system does to its reader a problem of that file system, which then is not checked."""
    try:
        yield
    except Exception as error:
        words = str(error) if isinstance(error, ReadError) else f"its reader gave up ({type(error).__name__}: {error})"
        record["problems"].append(words)
        record["checked"] = False


def assign_mount_points(readable, records, partitions):
    """The root is where os-release is; the others stand in its fstab, or an EFI system partition goes to /efi."""
    root = next((r for r in readable if {"/etc/os-release", "/usr/lib/os-release"} & r[3].keys()), None)
    fstab = {}
    if root:
        root[0]["mountPoint"] = "/"
        text = ""
        with reading(root[0]):
            text = root[2].read(root[3], ["/etc/fstab"] if "/etc/fstab" in root[3] else []).get("/etc/fstab", "")
        for line in text.splitlines():
            fields = line.split("#")[0].split()
            if len(fields) >= 2:
                fstab[device_name(fields[0])] = unescaped(fields[1])
    by_number = {partition["number"]: partition for partition in partitions}
    for record in records:
        partition = by_number[record["partition"]]
        names = [f"UUID={record['uuid']}", f"LABEL={record['label']}"]
        names += [f"PARTUUID={partition['uuid']}", f"PARTLABEL={partition['name']}"]
        known = next((fstab[name] for name in names if name in fstab), None)
        if record["mountPoint"] is None and (known or partition["type"] == EFI_SYSTEM):
            record["mountPoint"] = known or "/efi"


def device_name(source):
    """What fstab calls a device, as UUID=, LABEL=, PARTUUID= or PARTLABEL=; another name as it is. rules/fstab.ts does the same."""
    source = unescaped(source.replace('"', ""))
    by = re.fullmatch("/dev/disk/by-(uuid|label|partuuid|partlabel)/(.+)", source)
    return f"{by[1].upper()}={by[2]}" if by else source


def unescaped(field):
    """A field of fstab: blanks and the like stand there as \\040, in udev's names as \\x20."""
    escape = r"\\(?:([0-3][0-7]{2})|x([0-9a-f]{2}))"
    return re.sub(escape, lambda match: chr(int(match[1], 8) if match[1] else int(match[2], 16)), field)


def mounted(readable):
    """(what its paths begin with, record, reader, tree) of each file system that has a mount point."""
    for record, _, reader, tree in readable:
        if record["mountPoint"] is not None:
            yield record["mountPoint"].rstrip("/"), record, reader, tree


def collect(readable, wanted, facts):
    """Adds the tree, as one with mount points, and the wanted contents."""
    for prefix, record, reader, tree in mounted(readable):
        facts["tree"] += [[prefix + path, *entry] for path, entry in tree.items()]
        paths = [path for path in tree if wanted.fullmatch(prefix + path)]
        with reading(record):
            facts["contents"].update({prefix + path: text for path, text in reader.read(tree, paths).items()})


def read_rpm_database(readable):
    """What rpm_packages.installed tells, None where it cannot be read, or False where the image has no such database."""
    for folder in rpm_packages.FOLDERS:
        copy = os.path.join(SCRATCH, "rpm")
        os.makedirs(copy, exist_ok=True)
        for prefix, record, reader, tree in mounted(readable):
            paths = {path: (prefix + path).removeprefix(folder + "/") for path in tree}
            wanted = {path: os.path.join(copy, name) for path, name in paths.items() if name in rpm_packages.FILES}
            with reading(record):
                reader.copy(tree, wanted)
        if os.listdir(copy):
            database = rpm_packages.installed(copy)
            shutil.rmtree(copy)
            return database
    return False


def compare_with_packages(readable, rpm_files):
    """The files that no package accounts for, see package_files; None where no database can be read."""
    contents, links = {}, {}
    for prefix, record, reader, tree in mounted(readable):
        with reading(record):
            databases = [path for path in tree if is_dpkg_file(prefix + path)]
            contents.update({prefix + path: text for path, text in reader.read(tree, databases).items()})
            # such as /bin and /var/run
            short = [path for path in tree if stat.S_ISLNK(tree[path][0]) and re.fullmatch(r"(/var)?/[^/]+", path)]
            for path, target in reader.read(tree, short).items():
                links[prefix + path] = os.path.normpath(os.path.join(os.path.dirname(prefix + path), target))
    owned = rpm_files or dpkg_files(contents)
    if not owned:
        return None
    owned = without_links(owned, links)
    found, intact, privileged = [], set(), set()
    for prefix, record, reader, tree in mounted(readable):
        with reading(record):
            found += compare(prefix, reader, tree, owned, intact)
        privileged.update(prefix + path for path in tree if tree[path][0] & (stat.S_ISUID | stat.S_ISGID))
    mark_derived(found, owned, intact, privileged)
    return sorted(found, key=lambda one: one["path"])


def locate(offset, readable):
    for record, partition, reader, _ in readable:
        if partition["startBytes"] <= offset < partition["startBytes"] + partition["sizeBytes"]:
            owner = "a file that cannot be told"
            with reading(record):
                owner = reader.owner(offset)
            prefix = (record["mountPoint"] or "").rstrip("/")
            return prefix + owner if owner.startswith("/") else f"{owner}, partition {record['partition']}"
    return "outside of the file systems"


def main(settings):
    write_facts(inspect(settings), os.path.join(SCRATCH, "facts.json"))


if __name__ == "__main__":
    stage.main(main)
